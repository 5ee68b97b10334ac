#include "cpp/rules/plain_form.h"

#include <string>

#include <gtest/gtest.h>

#include "cpp/rules/rule_file.h"

namespace tocsin::rules {
namespace {

std::string Plain(std::string_view text) {
  const Result<std::string> plain = PlainForm(text);
  return plain.has_value() ? *plain : "error: " + std::string(plain.error().message());
}

constexpr std::string_view kManifest = R"(
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: a}
spec:
  groups:
  - name: g   # A comment.
    interval: 30s
    partial_response_strategy: warn
    rules:
    - alert: Down
      expr: |
        up
          == 0
      for: 5m
      labels: {severity: page, level: "3", yes: "yes"}
      annotations:
        summary: "{{ $labels.job }}: \"down\""
        empty: ""
        text: |-
          one

          two
    - record: 'a:b'
      expr: sum(up)
)";

TEST(PlainFormTest, OfAManifest) {
  EXPECT_EQ(Plain(kManifest), R"(groups:
- name: g
  interval: 30s
  rules:
  - alert: Down
    expr: |
      up
        == 0
    for: 5m
    labels:
      severity: page
      level: "3"
      "yes": "yes"
    annotations:
      summary: "{{ $labels.job }}: \"down\""
      empty: ""
      text: |-
        one

        two
  - record: a:b
    expr: sum(up)
)");
}

TEST(PlainFormTest, IsReadAsTheSameRules) {
  const Result<RuleFile> before = ParseRuleFile("a", kManifest);
  const Result<RuleFile> after = ParseRuleFile("b", Plain(kManifest));
  ASSERT_TRUE(before.has_value() && after.has_value());
  ASSERT_EQ(after->groups.size(), 1U);
  for (size_t i = 0; i < 2; ++i) {
    const RuleSpec& a = before->groups[0].rules[i];
    const RuleSpec& b = after->groups[0].rules[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.expr_text, b.expr_text);
    EXPECT_EQ(a.hold, b.hold);
    ASSERT_EQ(a.labels.size(), b.labels.size());
    ASSERT_EQ(a.annotations.size(), b.annotations.size());
    for (size_t n = 0; n < a.labels.size(); ++n) EXPECT_EQ(a.labels[n].text, b.labels[n].text);
    for (size_t n = 0; n < a.annotations.size(); ++n) {
      EXPECT_EQ(a.annotations[n].text, b.annotations[n].text);
    }
  }
}

TEST(PlainFormTest, IsItsOwnPlainForm) {
  const std::string once = Plain(kManifest);
  EXPECT_EQ(Plain(once), once);
}

TEST(PlainFormTest, GathersListsAndDocuments) {
  EXPECT_EQ(Plain(R"(
kind: List
items:
- {kind: PrometheusRule, spec: {groups: [{name: a, rules: []}]}}
- {kind: ConfigMap, data: {}}
---
kind: PrometheusRule
spec: {groups: [{name: b, limit: 3}]}
)"),
            "groups:\n- name: a\n  rules: []\n- name: b\n  limit: 3\n");
}

TEST(PlainFormTest, NamesAreThereOnce) {
  EXPECT_EQ(Plain("groups: [{name: a}, {name: a}]"),
            "error: line 1, column 28: group \"a\" is also at line 1, column 17, and a plain file "
            "holds a name once");
  EXPECT_EQ(Plain("a: [").substr(0, 12), "error: line ");
}

TEST(PlainFormTest, EveryTextComesBack) {
  for (const std::string text :
       {"- x",    "a: b",     "a #b",   "true", "1e3",          " lead", "line\n",
        "\nline", "a\nb\n\n", "tab\tx", "",     "{{ $value }}", "#",     "a'b\"c\\",
        "\x01",   "~",        "null",   "é",    "a:",           "@x",    "line\n  two\nthree"}) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '\n') {
        quoted.append("\\n");
      } else if (c == '\t') {
        quoted.append("\\t");
      } else if (c == '\x01') {
        quoted.append("\\x01");
      } else {
        quoted.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
      }
    }
    const std::string plain = Plain(
        "groups: [{name: g, rules: [{alert: A, expr: up, annotations: {a: " + quoted + "\"}}]}]");
    const Result<RuleFile> file = ParseRuleFile("a", plain);
    ASSERT_TRUE(file.has_value()) << text << "\n" << plain;
    EXPECT_EQ(file->groups[0].rules[0].annotations[0].text, text) << plain;
  }
}

}  // namespace
}  // namespace tocsin::rules
