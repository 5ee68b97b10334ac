// Rules that clients change, as mimirtool and Grafana ask for it.

#include "cpp/api/rule_editor.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/model/fake_state.h"

namespace tocsin::api {
namespace {

using testing::HasSubstr;

constexpr std::string_view kGroup = "{name: g, rules: [{record: r, expr: x}]}";

class RuleEditorTest : public testing::Test {
 protected:
  RuleEditorTest() : library_(&store_, {}, [] { return Status(); }) {
    RegisterRuleEditor(&library_, &router_);
  }

  http::Response Send(std::string_view method, std::string_view path, std::string_view body = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    return router_.Route(std::move(request));
  }

  FakeState store_;
  rules::RuleLibrary library_;
  http::Router router_;
};

TEST_F(RuleEditorTest, AnswersAsARulerDoes) {
  ASSERT_TRUE(library_.Load().ok());
  for (const std::string prefix : {"/config/v1/rules", "/prometheus/config/v1/rules"}) {
    EXPECT_EQ(Send("GET", prefix).body, "{}\n");
    const http::Response set = Send("POST", prefix + "/team%2Fa", kGroup);
    EXPECT_EQ(set.status, 202);
    EXPECT_EQ(set.body, R"({"status":"success","data":null,"errorType":"","error":""})");
    const http::Response all = Send("GET", prefix);
    EXPECT_EQ(all.status, 200);
    EXPECT_EQ(all.Header("Content-Type"), "application/yaml");
    EXPECT_EQ(all.body, "team/a:\n- name: g\n  rules:\n  - record: r\n    expr: x\n");
    EXPECT_EQ(Send("GET", prefix + "/team%2Fa").body, all.body);
    EXPECT_EQ(Send("GET", prefix + "/team%2Fa/g").body,
              "name: g\nrules:\n- record: r\n  expr: x\n");
    EXPECT_EQ(Send("DELETE", prefix + "/team%2Fa/g").status, 202);
    EXPECT_EQ(Send("DELETE", prefix + "/team%2Fa").status, 404);
  }
}

TEST_F(RuleEditorTest, TheOlderPathsLeadToTheSame) {
  ASSERT_TRUE(library_.Load().ok());
  EXPECT_EQ(Send("POST", "/api/v1/rules/a", kGroup).status, 202);
  EXPECT_EQ(Send("GET", "/api/v1/rules/a/g").status, 200);
  EXPECT_EQ(Send("GET", "/api/v1/rules").status, 404) << "what rules do is another question";
  EXPECT_EQ(Send("DELETE", "/api/v1/rules/a").status, 202);
}

TEST_F(RuleEditorTest, SaysWhatIsWrong) {
  ASSERT_TRUE(library_.Load().ok());
  EXPECT_THAT(Send("GET", "/config/v1/rules/test/test").body, HasSubstr("group does not exist"));
  EXPECT_EQ(Send("GET", "/config/v1/rules/test/test").status, 404);
  EXPECT_THAT(Send("DELETE", "/config/v1/rules/a").body,
              HasSubstr("group namespace does not exist"));
  const http::Response bad = Send("POST", "/config/v1/rules/a", "{name: g, rules: [{expr: x}]}");
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr("a:1:19: group \"g\", rule 1: one of 'record' or 'alert'"));
  EXPECT_EQ(Send("POST", "/config/v1/rules/%2e%2e", kGroup).status, 400);
  EXPECT_EQ(Send("POST", "/config/v1/rules", kGroup).status, 405);
  store_.full = true;
  EXPECT_EQ(Send("POST", "/config/v1/rules/a", kGroup).status, 503);
}

TEST_F(RuleEditorTest, IsNotReadyBeforeTheRulesAre) {
  EXPECT_EQ(Send("GET", "/config/v1/rules").status, 503);
  EXPECT_EQ(Send("POST", "/config/v1/rules/a", kGroup).status, 503);
}

}  // namespace
}  // namespace tocsin::api
