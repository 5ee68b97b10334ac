#include "cpp/http/router.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

/// A handler that answers with its name and the route's parts.
Handler Named(std::string name) {
  return [name = std::move(name)](const Request& request) {
    std::string text = name;
    for (const auto& [key, value] : request.params) text.append(" ").append(key + "=" + value);
    return Response::Text(200, text);
  };
}

Response Ask(const Router& router, std::string_view method, std::string_view path) {
  Request request;
  request.method = method;
  request.path = path;
  return router.Route(std::move(request));
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.Handle("GET", "/", Named("root"));
    router_.Handle("GET", "/api/traces/{id}", Named("trace"));
    router_.Handle("DELETE", "/api/traces/{id}", Named("delete"));
    router_.Handle("GET", "/api/traces/all", Named("all"));
    router_.Handle("GET", "/api/{kind}/all/{name}", Named("kinds"));
    router_.Handle("GET", "/ui/{file...}", Named("ui"));
    router_.Handle("GET", "/ui/index.html", Named("index"));
    router_.Handle("POST", "/v1/traces", Named("otlp"));
  }
  Router router_;
};

TEST_F(RouterTest, MatchesSegmentBySegment) {
  EXPECT_EQ(Ask(router_, "GET", "/").body, "root");
  EXPECT_EQ(Ask(router_, "GET", "/api/traces/12").body, "trace id=12");
  EXPECT_EQ(Ask(router_, "DELETE", "/api/traces/12").body, "delete id=12");
  EXPECT_EQ(Ask(router_, "GET", "/api/x/all/y").body, "kinds kind=x name=y");
}

TEST_F(RouterTest, LiteralSegmentsWin) {
  EXPECT_EQ(Ask(router_, "GET", "/api/traces/all").body, "all");
  EXPECT_EQ(Ask(router_, "GET", "/ui/index.html").body, "index");
}

TEST_F(RouterTest, AMethodThatOnlyTheWiderPatternKnowsGoesThere) {
  EXPECT_EQ(Ask(router_, "DELETE", "/api/traces/all").body, "delete id=all");
}

TEST_F(RouterTest, TheRestMayHaveSlashes) {
  EXPECT_EQ(Ask(router_, "GET", "/ui/a/b%2Fc").body, "ui file=a/b/c");
  EXPECT_EQ(Ask(router_, "GET", "/ui/").body, "ui file=");
}

TEST_F(RouterTest, DecodesOnceAndOnlyAfterSplitting) {
  EXPECT_EQ(Ask(router_, "GET", "/api/traces/a%2Fb%2541").body, "trace id=a/b%41");
}

TEST_F(RouterTest, UnknownPathsAreNamed) {
  for (const std::string_view path :
       {"/nope", "/api", "/api/", "/api/traces", "/api/traces/", "/api/traces/1/2", "//", "/ui"}) {
    const Response response = Ask(router_, "GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_NE(response.body.find(path), std::string::npos);
  }
}

TEST_F(RouterTest, AnEndlessPathIsNotEchoedWhole) {
  EXPECT_LT(Ask(router_, "GET", "/" + std::string(60000, 'a')).body.size(), 300U);
}

TEST_F(RouterTest, WrongMethodsSayWhichAreRight) {
  const Response one = Ask(router_, "GET", "/v1/traces");
  EXPECT_EQ(one.status, 405);
  EXPECT_EQ(one.Header("Allow"), "POST");
  EXPECT_EQ(one.body, "405 method not allowed, supported: [POST]");
  const Response two = Ask(router_, "PUT", "/api/traces/all");
  EXPECT_EQ(two.status, 405);
  EXPECT_EQ(two.Header("Allow"), "DELETE, GET");
}

TEST_F(RouterTest, HeadIsGetWithoutItsBody) {
  const Response response = Ask(router_, "HEAD", "/api/traces/12");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.Header("content-length"), "11");
  EXPECT_EQ(Ask(router_, "HEAD", "/v1/traces").status, 405);
  EXPECT_EQ(Ask(router_, "HEAD", "/nope").body, "");
}

}  // namespace
}  // namespace tocsin::http
