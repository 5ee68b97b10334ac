// Zipkin's API: its model, its parameters, its refusals.

#include "cpp/api/zipkin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/api/zipkin_params.h"
#include "tests/unit/api/trace_api.h"

namespace tocsin::api {
namespace {

using lib::Json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using traceql::kMs;
using traceql::kSec;
using traceql::Of;
using traceql::Span;
using traceql::TestSpan;

// Trace 1: Front calls Cart, both spans with the same id, and Cart a database. Trace 2, newer and
// of 128 bits: Cart alone.
std::vector<TestSpan> Spans() {
  TestSpan root = Of("Front", SpanKind::kServer, Span(1, 1, 0, 10 * kSec, kSec));
  root.name = "GET /";
  root.resource.emplace_back("host", "a");
  root.attrs = {{"http.method", "GET"}, {"http.status_code", int64_t{500}}};
  root.status = SpanStatus::kError;
  root.status_message = "boom";
  root.events = {{10 * kSec + kMs, "retry", {}},
                 {10 * kSec + 2 * kMs, "exception", {{"n", int64_t{1}}}}};
  root.links = {{{0xab, 0xcd}, 0xef, {{"why", "because"}}}};
  TestSpan client = Of("Front", SpanKind::kClient, Span(1, 2, 1, 10 * kSec + kMs, 1500));
  client.attrs = {{"peer.service", "Cart"}, {"net.peer.ip", "10.0.0.7"}, {"net.peer.port", "80"}};
  TestSpan server = Of("Cart", SpanKind::kServer, Span(1, 2, 1, 10 * kSec + kMs + 1, 500));
  server.attrs = {{"server.address", "cart-1"}};
  TestSpan call = Of("Cart", SpanKind::kClient, Span(1, 4, 2, 10 * kSec + 2 * kMs, 500));
  call.attrs = {{"server.address", "DB-1"}, {"db.name", "users"}, {"db.system", "mysql"}};
  TestSpan other = Of("Cart", SpanKind::kInternal, Span(2, 5, 0, 20 * kSec, 3 * kSec));
  other.trace = {0xa, 2};
  other.name = "Add";
  return {root, client, server, call, other};
}

class ZipkinTest : public testing::Test {
 protected:
  ZipkinTest() : api_({Spans()}) { RegisterZipkin(api_.queries(), "/zipkin", api_.router()); }

  std::string Get(const std::string& target, int status = 200) {
    const http::Response response = api_.Get("/zipkin/api/v2" + target);
    EXPECT_EQ(response.status, status) << target << " " << response.body;
    return response.body;
  }

  // The trace ids of a search.
  std::vector<std::string> Found(const std::string& params) {
    std::vector<std::string> ids;
    const auto answer = Json::Parse(Get("/traces?endTs=100000&lookback=100000&" + params));
    if (!answer) return {"<no JSON>"};
    for (const Json& trace : answer->array) {
      ids.push_back(trace.array.at(0).Find("traceId")->string);
    }
    return ids;
  }

  TraceApi api_;
};

constexpr const char* kOne = "0000000000000001";
constexpr const char* kTwo = "000000000000000a0000000000000002";

TEST_F(ZipkinTest, ATraceInZipkinsModel) {
  EXPECT_EQ(
      Get("/trace/1"),
      R"([{"traceId":"0000000000000001","id":"0000000000000001","kind":"SERVER","name":"get /",)"
      R"("timestamp":10000000,"duration":1000000,"localEndpoint":{"serviceName":"front"},)"
      R"("annotations":[{"timestamp":10001000,"value":"retry"},)"
      R"({"timestamp":10002000,"value":"exception|{\"n\":1}|0"}],)"
      R"("tags":{"error":"boom","host":"a","http.method":"GET","http.status_code":"500",)"
      R"("otel.status_code":"ERROR","otel.status_description":"boom",)"
      R"("otlp.link.0":"00000000000000ab00000000000000cd|00000000000000ef||)"
      R"({\"why\":\"because\"}|0"}},)"
      R"({"traceId":"0000000000000001","parentId":"0000000000000001","id":"0000000000000002",)"
      R"("kind":"CLIENT","name":"span 2","timestamp":10001000,"duration":1,)"
      R"("localEndpoint":{"serviceName":"front"},)"
      R"("remoteEndpoint":{"serviceName":"cart","ipv4":"10.0.0.7","port":80}},)"
      R"({"traceId":"0000000000000001","parentId":"0000000000000001","id":"0000000000000002",)"
      R"("kind":"SERVER","name":"span 2","timestamp":10001000,"duration":1,)"
      R"("localEndpoint":{"serviceName":"cart"},"tags":{"server.address":"cart-1"},)"
      R"("shared":true},)"
      R"({"traceId":"0000000000000001","parentId":"0000000000000002","id":"0000000000000004",)"
      R"("kind":"CLIENT","name":"span 4","timestamp":10002000,"duration":1,)"
      R"("localEndpoint":{"serviceName":"cart"},"remoteEndpoint":{"serviceName":"db-1"},)"
      R"("tags":{"db.name":"users","db.system":"mysql","server.address":"DB-1"}}])");
  EXPECT_EQ(Get(std::string("/trace/") + kTwo),
            R"([{"traceId":"000000000000000a0000000000000002","id":"0000000000000005",)"
            R"("name":"add","timestamp":20000000,"duration":3000000,)"
            R"("localEndpoint":{"serviceName":"cart"},"tags":{"span.kind":"internal"}}])");
}

TEST_F(ZipkinTest, NamesAreInLowerCase) {
  EXPECT_EQ(Get("/services"), R"(["cart","front"])");
  EXPECT_EQ(Get("/spans?serviceName=cart"), R"(["add","span 2","span 4"])");
  EXPECT_EQ(Get("/remoteServices?serviceName=front"), R"(["cart"])");
  EXPECT_EQ(Get("/remoteServices?serviceName=CART"), R"(["db-1"])");
  EXPECT_EQ(Get("/spans?serviceName=nobody"), "[]");
}

TEST_F(ZipkinTest, KeysAndValuesForCompletion) {
  EXPECT_EQ(Get("/autocompleteKeys"),
            R"(["db.name","db.system","host","http.method","http.status_code","net.peer.ip",)"
            R"("net.peer.port","peer.service","server.address","service.name"])");
  EXPECT_EQ(Get("/autocompleteValues?key=server.address"), R"(["DB-1","cart-1"])");
  EXPECT_EQ(Get("/autocompleteValues?key=host"), R"(["a"])");
  EXPECT_EQ(Get("/autocompleteValues?key=none"), "[]");
}

TEST_F(ZipkinTest, SearchesFindWholeTracesNewestFirst) {
  EXPECT_THAT(Found(""), ElementsAre(kTwo, kOne));
  EXPECT_THAT(Found("limit=1"), ElementsAre(kTwo));
  EXPECT_THAT(Found("serviceName=cart"), ElementsAre(kTwo, kOne));
  EXPECT_THAT(Found("serviceName=front"), ElementsAre(kOne));
  EXPECT_THAT(Found("serviceName=cart&spanName=add"), ElementsAre(kTwo));
  EXPECT_THAT(Found("serviceName=cart&spanName=all"), ElementsAre(kTwo, kOne));
  EXPECT_THAT(Found("remoteServiceName=cart"), ElementsAre(kOne));
  EXPECT_THAT(Found("serviceName=cart&remoteServiceName=db-1"), ElementsAre(kOne));
  EXPECT_THAT(Found("serviceName=cart&remoteServiceName=users"), IsEmpty());
  EXPECT_THAT(Found("serviceName=cart&remoteServiceName=cart-1"), IsEmpty());
  EXPECT_THAT(Found("minDuration=2000000"), ElementsAre(kTwo));
  EXPECT_THAT(Found("minDuration=1&maxDuration=1000000"), ElementsAre(kOne));
  // A duration of 1500 ns is shown as one microsecond.
  EXPECT_THAT(Found("serviceName=front&minDuration=1&maxDuration=1"), ElementsAre(kOne));
  const auto narrow = Json::Parse(Get("/traces?endTs=15000&lookback=14000"));
  ASSERT_TRUE(narrow);
  ASSERT_EQ(narrow->array.size(), 1U);
  EXPECT_EQ(narrow->array[0].array.size(), 4U);
}

TEST_F(ZipkinTest, AnnotationQueries) {
  const auto found = [&](const std::string& query) {
    return Found("serviceName=front&annotationQuery=" + query);
  };
  for (const char* query :
       {"error", "error%3Dboom", "http.method", "http.method%3DGET", "http.status_code%3D500",
        "host%3Da", "retry", "error+and+http.method%3DGET", "peer.service%3DCart+and+retry",
        "otel.status_code%3DERROR", "+http.method+%3D+GET+"}) {
    EXPECT_THAT(found(query), ElementsAre(kOne)) << query;
  }
  for (const char* query : {"error%3Dtrue", "http.method%3DPOST", "db.name", "retry%3Dx",
                            "error+and+nothing", "http.method%3D\"+||+true"}) {
    EXPECT_THAT(found(query), IsEmpty()) << query;
  }
  EXPECT_THAT(ParseAnnotationQuery("a and b=1 and a=2 and =x and b = 3 and  and c=d=e"),
              ElementsAre(Pair("a", "2"), Pair("b", "3"), Pair("c", "d=e")));
  EXPECT_THAT(ParseAnnotationQuery("a=2 and a"), ElementsAre(Pair("a", "2")));
}

TEST_F(ZipkinTest, HostileTextStaysText) {
  for (const std::string& text :
       std::vector<std::string>{"\" || true || \"", "a\" } || { true", "\\", "\\\"",
                                "x\n} | { true", "`", ".*", "[a", "(?", "\\Q"}) {
    ZipkinConditions conditions;
    conditions.service = text;
    conditions.remote_service = text;
    conditions.span_name = text;
    conditions.annotations = {{text, text}, {text + "x", ""}};
    const auto found = api_.Search(conditions.TraceQl());
    ASSERT_TRUE(found) << conditions.TraceQl() << found.error().message();
    EXPECT_THAT(found->traces, IsEmpty()) << conditions.TraceQl();
    TagValuesQuery names;
    names.name = "name";
    names.traceql = ZipkinServiceFilter(text);
    const auto values = api_.queries().TagValues(names, [] { return Status(); });
    ASSERT_TRUE(values);
    EXPECT_THAT(values->values, IsEmpty()) << names.traceql;
  }
}

TEST_F(ZipkinTest, ManyTraces) {
  EXPECT_EQ(Get(std::string("/traceMany?traceIds=77,") + kTwo),
            "[" + Get(std::string("/trace/") + kTwo) + "]");
  EXPECT_EQ(Get("/traceMany", 400), "traceIds parameter is empty");
  EXPECT_EQ(Get("/traceMany?traceIds=1,01", 400), "redundant traceId: 01");
  EXPECT_EQ(Get("/traceMany?traceIds=1", 400),
            "Use /api/v2/trace/{traceId} endpoint to retrieve a single trace");
  EXPECT_EQ(Get("/traceMany?traceIds=1,", 400), "traceId is empty");
}

TEST_F(ZipkinTest, DependenciesNeedAnEnd) {
  EXPECT_EQ(Get("/dependencies?endTs=100000&lookback=1"), "[]");
  EXPECT_EQ(Get("/dependencies", 400), "Mandatory parameter is missing: endTs");
}

TEST(ZipkinDependenciesTest, HavePeersAndErrors) {
  TestSpan server = Of("CART", SpanKind::kServer, Span(1, 3, 2, 10 * kSec, 500));
  server.status = SpanStatus::kError;
  TestSpan call = Of("CART", SpanKind::kClient, Span(1, 4, 3, 10 * kSec, 500));
  call.attrs = {{"db.system", "mysql"}};
  TraceApi api({{Of("Front", SpanKind::kClient, Span(1, 2, 0, 10 * kSec, kSec)), server, call}});
  RegisterZipkin(api.queries(), "", api.router());
  EXPECT_EQ(api.Get("/api/v2/dependencies?endTs=100000").body,
            R"([{"parent":"cart","child":"mysql","callCount":1},)"
            R"({"parent":"front","child":"cart","callCount":1,"errorCount":1}])");
}

TEST_F(ZipkinTest, WhatCannotBeReadIsRefused) {
  EXPECT_EQ(Get("/trace/77", 404), "0000000000000077 not found");
  EXPECT_EQ(Get("/trace/100000000000000000", 404), "00000000000000100000000000000000 not found");
  EXPECT_EQ(Get("/trace/0e8b46e1-81b", 400),
            "0e8b46e1-81b should be lower-hex encoded with no prefix");
  EXPECT_EQ(Get("/trace/ABC", 400), "ABC should be lower-hex encoded with no prefix");
  EXPECT_EQ(Get("/trace/000", 400), "traceId is all zeros");
  EXPECT_EQ(Get("/trace/" + std::string(33, 'a'), 400), "traceId.length > 32");
  EXPECT_EQ(Get("/traces?endTs=0", 400), "endTs <= 0");
  EXPECT_EQ(Get("/traces?lookback=-1", 400), "lookback <= 0");
  EXPECT_EQ(Get("/traces?limit=0", 400), "limit <= 0");
  EXPECT_EQ(Get("/traces?minDuration=0", 400), "minDuration <= 0");
  EXPECT_EQ(Get("/traces?minDuration=2&maxDuration=1", 400), "maxDuration < minDuration");
  EXPECT_EQ(Get("/traces?maxDuration=1", 400), "maxDuration is only valid with minDuration");
  EXPECT_THAT(Get("/traces?limit=x", 400), testing::HasSubstr("parameter limit: \"x\""));
  EXPECT_EQ(Get("/spans", 400), "Mandatory parameter is missing: serviceName");
  EXPECT_EQ(Get("/remoteServices", 400), "Mandatory parameter is missing: serviceName");
  EXPECT_EQ(Get("/autocompleteValues", 400), "Mandatory parameter is missing: key");
}

}  // namespace
}  // namespace tocsin::api
