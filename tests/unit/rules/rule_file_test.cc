// Rule files: both formats are read, and every malformed one is refused with the place of each
// fault.

#include "cpp/rules/rule_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tocsin::rules {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

RuleFile MustParse(std::string_view text) {
  Result<RuleFile> file = ParseRuleFile("r.yaml", text);
  EXPECT_TRUE(file.has_value()) << file.error().ToString();
  return file.has_value() ? *std::move(file) : RuleFile();
}

std::string ErrorOf(std::string_view text) {
  const Result<RuleFile> file = ParseRuleFile("r.yaml", text);
  EXPECT_FALSE(file.has_value()) << text;
  if (file.has_value()) return "";
  EXPECT_EQ(file.error().code(), StatusCode::kInvalidArgument);
  return std::string(file.error().message());
}

/// A plain file with one rule of these lines.
std::string WithRule(std::string_view rule) {
  std::string text = "groups:\n- name: g\n  rules:\n  - ";
  for (const char c : rule) text.append(c == '\n' ? "\n    " : std::string(1, c));
  return text + "\n";
}

TEST(RuleFileTest, TheShippedPrometheusRuleIsReadAsItStands) {
  const RuleFile file = MustParse(ReadFile(TOCSIN_SOURCE_DIR "/rules/tempo-alerts.yaml"));
  ASSERT_EQ(file.groups.size(), 1U);
  const GroupSpec& group = file.groups[0];
  EXPECT_EQ(group.name, "tracing");
  EXPECT_EQ(group.file, "r.yaml");
  EXPECT_EQ(group.interval, 30 * kSecond);
  ASSERT_EQ(group.rules.size(), 3U);
  EXPECT_EQ(group.rules[0].name, "HighErrorRate");
  EXPECT_EQ(group.rules[1].name, "HighLatency");
  EXPECT_EQ(group.rules[2].name, "TempoDown");
  for (const RuleSpec& rule : group.rules) {
    EXPECT_TRUE(rule.alerting);
    EXPECT_EQ(rule.hold, 5 * kMinute);
    EXPECT_EQ(rule.keep_firing_for, 0);
    ASSERT_EQ(rule.labels.size(), 1U);
    EXPECT_EQ(rule.labels[0].name, "severity");
    ASSERT_EQ(rule.annotations.size(), 2U);
    EXPECT_EQ(rule.annotations[0].name, "description");
    EXPECT_EQ(rule.annotations[1].name, "summary");
  }
  EXPECT_EQ(group.rules[2].labels[0].text, "critical");
  EXPECT_EQ(promql::ToString(*group.rules[2].expr), "up{job=\"tempo\"} == 0");
  EXPECT_EQ(group.rules[0].line, 11);
}

TEST(RuleFileTest, APlainFileHasEveryField) {
  const RuleFile file = MustParse(R"(groups:
- name: a
  interval: 1m30s
  query_offset: 10s
  limit: 0x5
  labels: {team: core, severity: low}
  partial_response_strategy: warn
  rules:
  - record: job:x:sum
    expr: sum by (job) (x)
    labels: {severity: high}
  - alert: A
    expr: job:x:sum > 1
    for: 1h
    keep_firing_for: 5m
    annotations: {z: last, a: "{{ $value }}"}
- name: b
)");
  ASSERT_EQ(file.groups.size(), 2U);
  const GroupSpec& group = file.groups[0];
  EXPECT_EQ(group.interval, 90 * kSecond);
  EXPECT_EQ(group.query_offset, 10 * kSecond);
  EXPECT_EQ(group.limit, 5U);
  ASSERT_EQ(group.rules.size(), 2U);
  const RuleSpec& record = group.rules[0];
  EXPECT_FALSE(record.alerting);
  EXPECT_EQ(record.name, "job:x:sum");
  ASSERT_EQ(record.labels.size(), 2U);
  EXPECT_EQ(record.labels[0].name + "=" + record.labels[0].text, "severity=high");
  EXPECT_EQ(record.labels[1].name + "=" + record.labels[1].text, "team=core");
  const RuleSpec& alert = group.rules[1];
  EXPECT_EQ(alert.hold, kHour);
  EXPECT_EQ(alert.keep_firing_for, 5 * kMinute);
  EXPECT_EQ(alert.labels[0].text, "low");
  EXPECT_EQ(alert.annotations[0].name, "a");
  EXPECT_FALSE(file.groups[1].interval.has_value());
  EXPECT_TRUE(file.groups[1].rules.empty());
}

TEST(RuleFileTest, SeveralDocumentsAndListsAreJoined) {
  const RuleFile file = MustParse(R"(---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: one, namespace: n}
spec: {groups: [{name: g, rules: [{record: a, expr: "1"}]}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: monitoring.coreos.com/v1
  kind: PrometheusRule
  metadata: {name: two, namespace: n}
  spec: {groups: [{name: g, rules: [{record: b, expr: "2"}]}]}
- apiVersion: monitoring.coreos.com/v1
  kind: PrometheusRule
  metadata: {name: three, namespace: n}
  spec: {groups: [{name: g, rules: [{record: c, expr: "3"}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {x: y}
---
groups:
- name: g
  rules: []
---
)");
  ASSERT_EQ(file.groups.size(), 4U);
  EXPECT_EQ(file.groups[0].Identity(), "r.yaml;n/one;g");
  EXPECT_EQ(file.groups[1].Identity(), "r.yaml;n/two;g");
  EXPECT_EQ(file.groups[2].Identity(), "r.yaml;n/three;g");
  EXPECT_EQ(file.groups[3].Identity(), "r.yaml;;g");
  ASSERT_EQ(file.warnings.size(), 1U);
  EXPECT_EQ(file.warnings[0], "r.yaml:20:7: a ConfigMap holds no rules and is skipped");
}

TEST(RuleFileTest, AnEmptyFileHasNoGroups) {
  EXPECT_TRUE(MustParse("").groups.empty());
  EXPECT_TRUE(MustParse("# nothing\n").groups.empty());
  EXPECT_TRUE(MustParse("groups:\n").groups.empty());
  EXPECT_TRUE(MustParse("groups: []\n").groups.empty());
  EXPECT_TRUE(MustParse("{}\n").groups.empty());
}

TEST(RuleFileTest, WhatIsNullIsAsIfItWereNotThere) {
  EXPECT_TRUE(MustParse("groups: [null]\n").groups.empty());
  const RuleFile file = MustParse(R"(groups:
-
- name: g
  interval:
  limit: ~
  rules:
  -
  - {alert: "", record: a, expr: up}
  - {alert: A, record: null, expr: up, for: null}
  - {record: a, expr: up, alert: }
)");
  ASSERT_EQ(file.groups.size(), 1U);
  const std::vector<RuleSpec>& rules = file.groups[0].rules;
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_FALSE(rules[0].alerting);
  EXPECT_EQ(rules[0].name, "a");
  EXPECT_TRUE(rules[1].alerting);
  EXPECT_EQ(rules[1].name, "A");
  EXPECT_EQ(file.warnings, std::vector<std::string>{
                               "r.yaml:10:5: group \"g\": rule 3, \"a\", has the name and the "
                               "labels of the one in line 8"});
}

TEST(RuleFileTest, LabelsOfAGroupAreTemplatesOfItsAlertsOnly) {
  const std::string group = "groups: [{name: g, labels: {a: '{{ x'}, rules: [";
  const RuleFile file = MustParse(group + "{record: r, expr: up}]}]");
  ASSERT_EQ(file.groups[0].rules[0].labels.size(), 1U);
  EXPECT_EQ(file.groups[0].rules[0].labels[0].text, "{{ x");
  EXPECT_TRUE(ErrorOf(group + "{record: r, expr: up}, {alert: A, expr: up}]}]")
                  .contains("label \"a\": function \"x\" not defined"));
}

TEST(RuleFileTest, ALabelOfARuleReplacesThatOfItsGroup) {
  const RuleFile file = MustParse(
      "groups: [{name: g, labels: {b: group, a: group}, rules: [{alert: A, expr: up, labels: {c: "
      "rule, b: rule}}]}]");
  std::string labels;
  for (const TemplatedText& label : file.groups[0].rules[0].labels) {
    labels += label.name + "=" + label.text + " ";
  }
  EXPECT_EQ(labels, "a=group b=rule c=rule ");
}

TEST(RuleFileTest, ManyLabelsAreReadInLittleTime) {
  std::string labels;
  for (int i = 0; i < 50'000; ++i) labels += "l" + std::to_string(i) + ": x, ";
  const RuleFile file = MustParse(WithRule("record: a\nexpr: up\nlabels: {" + labels + "}"));
  // To look at each label for each label would take seconds.
  EXPECT_EQ(file.groups[0].rules[0].labels.size(), 50'000U);
}

TEST(RuleFileErrorTest, StructureIsChecked) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"- a\n", "r.yaml:1:1: a map with groups is expected here"},
      {"groups: 1\n", "r.yaml:1:9: groups is a list"},
      {"groups:\n- 1\n", "r.yaml:2:3: a group is a map"},
      {"groups:\n- rules: []\n", "r.yaml:2:3: a group must have a name"},
      {"groups:\n- name: ''\n", "r.yaml:2:9: a group must have a name"},
      {"groups:\n- name: a\n- name: a\n",
       "r.yaml:3:9: group name \"a\" is repeated in the same file"},
      {"groups:\n- name: a\n  rules: 3\n", "r.yaml:3:10: group \"a\": rules is a list"},
      {"groups:\n- name: a\n  rules: [x]\n", "r.yaml:3:11: group \"a\", rule 1: a rule is a map"},
      {"groups:\n- name: a\n  interval: 5\n",
       "r.yaml:3:13: group \"a\": interval: not a valid duration string: \"5\"; expected something "
       "like 30s, 5m, 1h30m"},
      {"groups:\n- name: a\n  interval: ''\n",
       "r.yaml:3:13: group \"a\": interval: empty duration string"},
      {"groups:\n- name: a\n  interval: 293y\n",
       "r.yaml:3:13: group \"a\": interval: duration out of range"},
      {"groups:\n- name: a\x01\n", "r.yaml:2:10: control characters are not allowed"},
      {"groups:\n- name: \"\x7f\"\n", "r.yaml:2:10: control characters are not allowed"},
      {"groups:\n- name: a # \xc2\x80\n", "r.yaml:2:14: control characters are not allowed"},
      {"groups:\n- name: a\n  limit: '5'\n",
       "r.yaml:3:10: group \"a\": limit is a whole number, not \"5\""},
      {"groups:\n- name: a\n  limit: many\n",
       "r.yaml:3:10: group \"a\": limit is a whole number, not \"many\""},
      {"groups:\n- name: a\n  intervall: 5s\n",
       "r.yaml:3:3: group \"a\": unknown key \"intervall\" in group (known: interval, labels, "
       "limit, name, partial_response_strategy, query_offset, rules)"},
      {"group:\n- name: a\n", "r.yaml:1:1: unknown key \"group\" in rule file (known: groups)"},
      {"groups: [\n", "r.yaml:2:1: end of sequence flow not found"},
      {"groups:\n- name: a\n  name: b\n", "r.yaml:3:3: key \"name\" stands here twice"},
      {"kind: PrometheusRule\nspec: {groups: []}\n",
       "r.yaml:1:1: a PrometheusRule is of apiVersion monitoring.coreos.com/v1"},
      {"apiVersion: monitoring.coreos.com/v1alpha1\nkind: PrometheusRule\nspec: {groups: []}\n",
       "r.yaml:1:13: a PrometheusRule is of apiVersion monitoring.coreos.com/v1"},
      {"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n",
       "r.yaml:1:1: a PrometheusRule has a spec with groups"},
      {"kind: List\nitems: {}\n", "r.yaml:2:8: items is a list of resources"},
      {"kind: List\nitems: [{}]\n", "r.yaml:2:9: a resource with a kind is expected here"},
      {"groups:\n- name: a\n  labels: [x]\n",
       "r.yaml:3:11: group \"a\": labels is a map of names to texts"},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(ErrorOf(text), want) << text;
}

TEST(RuleFileErrorTest, RulesAreChecked) {
  const std::string in = "group \"g\", rule 1: ";
  const std::string in_a = "group \"g\", rule 1, \"A\": ";
  const std::pair<std::string_view, std::string> rows[] = {
      {"expr: up", "r.yaml:4:5: " + in + "one of 'record' or 'alert' must be set"},
      {"alert: A\nrecord: b\nexpr: up",
       "r.yaml:5:13: " + in_a + "only one of 'record' and 'alert' must be set"},
      {"alert: A", "r.yaml:4:5: " + in_a + "field 'expr' must be set in rule"},
      {"alert: A\nexpr: ''", "r.yaml:5:11: " + in_a + "field 'expr' must be set in rule"},
      {"alert: A\nexpr: [up]", "r.yaml:5:11: " + in_a + "expr must be a plain value"},
      {"record: b{c=\"d\"}\nexpr: up",
       "r.yaml:4:13: group \"g\", rule 1, \"b{c=\"d\"}\": braces present in the recording rule "
       "name; should it be in expr?: b{c=\"d\"}"},
      {"record: b\nexpr: up\nfor: 5m",
       "r.yaml:6:10: group \"g\", rule 1, \"b\": invalid field 'for' in recording rule"},
      {"record: b\nexpr: up\nkeep_firing_for: 5m",
       "r.yaml:6:22: group \"g\", rule 1, \"b\": invalid field 'keep_firing_for' in recording "
       "rule"},
      {"record: b\nexpr: up\nannotations: {a: b}",
       "r.yaml:6:18: group \"g\", rule 1, \"b\": invalid field 'annotations' in recording rule"},
      {"alert: A\nexpr: up\nfor: soon",
       "r.yaml:6:10: " + in_a +
           "for: not a valid duration string: \"soon\"; expected something like 30s, 5m, 1h30m"},
      {"alert: ''\nrecord: ''\nexpr: up",
       "r.yaml:4:5: " + in + "one of 'record' or 'alert' must be set"},
      {"alert: A\nexpr: up\nfor: ''", "r.yaml:6:10: " + in_a + "for: empty duration string"},
      {"record: b\nalert: ''\nexpr: up\nfor: 5m",
       "r.yaml:7:10: group \"g\", rule 1, \"b\": invalid field 'for' in recording rule"},
      {"alert: A\nexpr: up\nlabels: {'': x}", "r.yaml:6:14: " + in_a + "invalid label name: \"\""},
      {"alert: A\nexpr: up\nlabels: {__name__: x}",
       "r.yaml:6:14: " + in_a + "invalid label name: \"__name__\""},
      {"alert: A\nexpr: up\nannotations: {'': x}",
       "r.yaml:6:19: " + in_a + "invalid annotation name: \"\""},
      {"record: b\nexpr: rate(up)",
       "r.yaml:5:16: group \"g\", rule 1, \"b\": could not parse expression: "
       "parse error: expected type range vector in call to function \"rate\", got instant vector"},
      {"alert: A\nexpr: up\nannotation: {text: a letter is missing}",
       "r.yaml:6:5: " + in_a +
           "unknown key \"annotation\" in rule (known: alert, annotations, expr, for, "
           "keep_firing_for, labels, record)"},
      {"alert: A\nexpr: up\nlabels: {a: [x]}",
       "r.yaml:6:17: " + in_a + "label \"a\" must be a text"},
      {"alert: A\nexpr: up\nforever: 5m",
       "r.yaml:6:5: " + in_a +
           "unknown key \"forever\" in rule (known: alert, annotations, expr, for, "
           "keep_firing_for, labels, record)"},
  };
  for (const auto& [rule, want] : rows) EXPECT_EQ(ErrorOf(WithRule(rule)), want) << rule;
}

TEST(RuleFileTest, NamesMayBeOfAnyUtf8) {
  const RuleFile file =
      MustParse(WithRule("record: job.größe\nexpr: up\nlabels: {service.name: shop}") +
                "  - alert: A\n    expr: up\n    annotations: {run-book: x}\n");
  EXPECT_EQ(file.groups[0].rules[0].name, "job.größe");
  EXPECT_EQ(file.groups[0].rules[0].labels[0].name, "service.name");
  EXPECT_EQ(file.groups[0].rules[1].annotations[0].name, "run-book");
}

TEST(RuleFileTest, ControlCharactersMayBeWrittenAsEscapes) {
  const RuleFile file =
      MustParse(WithRule("alert: A\nexpr: up\nannotations: {a: \"\\x01\tx\u0085\"}"));
  EXPECT_EQ(file.groups[0].rules[0].annotations[0].text.front(), '\x01');
}

TEST(RuleFileTest, WhatSaysNothingMayStandInARecordingRule) {
  const RuleFile file =
      MustParse(WithRule("record: b\nexpr: up\nfor: 0s\nkeep_firing_for: 0s\nannotations: {}"));
  EXPECT_EQ(file.groups[0].rules.size(), 1U);
}

TEST(RuleFileTest, AnchorsAndMergesAreFollowed) {
  const RuleFile file = MustParse(R"(groups:
- name: g
  rules:
  - &first
    alert: &name Slow
    expr: &expr |
      latency > 1
    for: 5m
    labels: {severity: page}
  - record: slow
    expr: *expr
  - <<: *first
    alert: Slower
    labels: {severity: mail}
  - <<: [{for: 1m}, *first]
    labels: {severity: chat}
)");
  const std::vector<RuleSpec>& rules = file.groups.at(0).rules;
  ASSERT_EQ(rules.size(), 4U);
  EXPECT_EQ(rules[1].expr_text, "latency > 1\n");
  EXPECT_EQ(rules[2].name, "Slower");
  EXPECT_EQ(rules[2].hold, 5 * kMinute);
  EXPECT_EQ(rules[2].labels[0].text, "mail");
  EXPECT_EQ(rules[3].name, "Slow");
  EXPECT_EQ(rules[3].hold, kMinute) << "the first of several counts";
}

TEST(RuleFileTest, RulesThatAreThereTwiceAreTakenWithAWarning) {
  const RuleFile file = MustParse(R"(groups:
- name: g
  labels: {team: a}
  rules:
  - {alert: A, expr: up}
  - {alert: A, expr: down, labels: {team: a}}
  - {alert: A, expr: up, labels: {team: b}}
  - {record: A, expr: up}
)");
  EXPECT_EQ(file.groups[0].rules.size(), 4U);
  ASSERT_EQ(file.warnings.size(), 1U);
  EXPECT_EQ(
      file.warnings[0],
      "r.yaml:6:5: group \"g\": rule 2, \"A\", has the name and the labels of the one in line 5");
}

TEST(RuleFileTest, APartialResponseStrategyIsIgnoredWithAWarning) {
  const RuleFile file = MustParse(
      "groups:\n- name: g\n  partial_response_strategy: warn\n  rules: [{record: a, expr: b}]\n");
  ASSERT_EQ(file.warnings.size(), 1U);
  EXPECT_EQ(
      file.warnings[0],
      "r.yaml:3:30: group \"g\": partial_response_strategy has no effect: there are no partial "
      "responses");
}

TEST(RuleFileTest, GroupsAreTheSameIfTheySayTheSame) {
  const std::string text = "groups: [{name: g, rules: [{alert: A, expr: up, labels: {a: b}}]}]";
  const auto same = [&text](std::string_view from, std::string_view to) {
    std::string other = "# moved down\n" + text;
    other.replace(other.find(from), from.size(), to);
    return SameGroup(MustParse(text).groups[0], MustParse(other).groups[0]);
  };
  EXPECT_TRUE(same("A", "A"));
  EXPECT_FALSE(same("A", "B"));
  EXPECT_FALSE(same("expr: up", "expr: down"));
  EXPECT_FALSE(same("a: b", "a: c"));
  EXPECT_FALSE(same("alert", "record"));
  EXPECT_FALSE(same("name: g", "name: g, interval: 1m"));
  EXPECT_FALSE(same("name: g", "name: g, limit: 1"));
  EXPECT_FALSE(same("name: g", "name: g, query_offset: 1s"));
  EXPECT_FALSE(same("expr: up", "expr: up, for: 1m"));
  EXPECT_FALSE(same("expr: up", "expr: up, keep_firing_for: 1m"));
  EXPECT_FALSE(same("expr: up", "expr: up, annotations: {a: b}"));
}

TEST(RuleFileErrorTest, FaultsInExpressionsHaveTheirPlaceInTheFile) {
  const std::string in = "group \"g\", rule 1, \"A\": could not parse expression: ";
  // Plain, quoted, literal block, folded block (only its beginning is known).
  EXPECT_TRUE(ErrorOf(WithRule("alert: A\nexpr: sum(up")).starts_with("r.yaml:5:1")) << "plain";
  EXPECT_TRUE(ErrorOf(WithRule("alert: A\nexpr: up * * 2")).starts_with("r.yaml:5:16: " + in))
      << ErrorOf(WithRule("alert: A\nexpr: up * * 2"));
  EXPECT_TRUE(ErrorOf(WithRule("alert: A\nexpr: \"up * * 2\"")).starts_with("r.yaml:5:17: " + in));
  EXPECT_TRUE(ErrorOf(WithRule("alert: A\nexpr: |\n  up\n    * * 2\nfor: 5m"))
                  .starts_with("r.yaml:7:11: " + in))
      << ErrorOf(WithRule("alert: A\nexpr: |\n  up\n    * * 2\nfor: 5m"));
  EXPECT_TRUE(ErrorOf(WithRule("alert: A\nexpr: >\n  up\n  * * 2\nfor: 5m"))
                  .starts_with("r.yaml:5:11: " + in));
}

TEST(RuleFileErrorTest, FaultsInTemplatesHaveTheirPlaceInTheFile) {
  EXPECT_EQ(
      ErrorOf(WithRule("alert: A\nexpr: up\nannotations:\n  s: \"Rate {{ $valeu }}\"")),
      "r.yaml:7:19: group \"g\", rule 1, \"A\": annotation \"s\": undefined variable \"$valeu\"");
  EXPECT_EQ(ErrorOf(WithRule("alert: A\nexpr: up\nlabels:\n  s: |\n    a\n    {{ nope }}")),
            "r.yaml:9:12: group \"g\", rule 1, \"A\": label \"s\": function \"nope\" not defined");
  EXPECT_EQ(ErrorOf("groups:\n- name: g\n  labels: {a: '{{'}\n  rules: [{alert: A, expr: up}]\n"),
            "r.yaml:3:18: group \"g\": label \"a\": unclosed action");
}

TEST(RuleFileErrorTest, AllFaultsAreToldAtOnceUpToTwenty) {
  EXPECT_EQ(ErrorOf("groups:\n- name: a\n  limit: x\n  rules:\n  - alert: A\n"),
            "r.yaml:3:10: group \"a\": limit is a whole number, not \"x\"\n"
            "r.yaml:5:5: group \"a\", rule 1, \"A\": field 'expr' must be set in rule");
  std::string many = "groups:\n- name: a\n  rules:\n";
  for (int i = 0; i < 30; ++i) many.append("  - alert: A\n");
  const std::string error = ErrorOf(many);
  EXPECT_EQ(std::ranges::count(error, '\n'), 20);
  EXPECT_TRUE(error.ends_with("\nr.yaml: 10 more")) << error;
}

TEST(RuleFileErrorTest, EveryTruncationOfTheShippedFileIsHandled) {
  const std::string text = ReadFile(TOCSIN_SOURCE_DIR "/rules/tempo-alerts.yaml");
  for (size_t size = 0; size < text.size(); ++size) {
    const Result<RuleFile> file = ParseRuleFile("r.yaml", std::string_view(text).substr(0, size));
    if (!file.has_value()) {
      EXPECT_TRUE(file.error().message().starts_with("r.yaml:")) << file.error().message();
    }
  }
}

}  // namespace
}  // namespace tocsin::rules
