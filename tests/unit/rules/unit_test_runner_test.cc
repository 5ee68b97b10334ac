#include "cpp/rules/unit_test_runner.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "cpp/rules/line_diff.h"

namespace tocsin::rules {
namespace {

constexpr std::string_view kRules = R"(
groups:
- name: second
  rules:
  - {alert: Busy, expr: "job:up:sum > 1", for: 2m, labels: {severity: page}, annotations: {text: "{{ $value }} {{ $externalLabels.region }} {{ externalURL }}"}}
- name: first
  interval: 7h
  rules:
  - {record: "job:up:sum", expr: sum by (job) (up)}
)";

/// All failures of all tests, a line feed between two.
std::string Failures(std::string_view tests, std::string_view rules = kRules,
                     UnitTestOptions options = {}) {
  const Result<UnitTestFile> file = ParseUnitTestFile("t.yaml", tests);
  EXPECT_TRUE(file.has_value()) << file.error().message();
  const Result<RuleFile> rule_file = ParseRuleFile("r.yaml", rules);
  EXPECT_TRUE(rule_file.has_value()) << rule_file.error().message();
  std::string all;
  for (const UnitTest& test : file->tests) {
    for (const std::string& failure : RunUnitTest(*file, test, {&*rule_file, 1}, options)) {
      all.append(all.empty() ? "" : "\n").append(failure);
    }
  }
  return all;
}

constexpr std::string_view kInput = R"(
group_eval_order: [first, second]
tests:
- name: busy
  external_labels: {region: eu}
  external_url: http://t/
  input_series:
  - {series: 'up{job="a",instance="1"}', values: 1x5 0x5}
  - {series: 'up{job="a",instance="2"}', values: 1x10}
)";

std::string WithInput(std::string_view expectations) {
  return std::string(kInput) + std::string(expectations);
}

TEST(UnitTestRunnerTest, AnAlertIsPendingFiresAndResolves) {
  EXPECT_EQ(Failures(WithInput(R"(
  alert_rule_test:
  - {eval_time: 1m59s, alertname: Busy}
  - eval_time: 2m
    alertname: Busy
    exp_alerts:
    - exp_labels: {severity: page, job: a}
      exp_annotations: {text: 2 eu http://t}
  - eval_time: 5m59s
    alertname: Busy
    exp_alerts:
    - exp_labels: {severity: page, job: a}
      exp_annotations: {text: 2 eu http://t}
  - {eval_time: 6m, alertname: Busy}
  - {eval_time: 6m, alertname: Nothing}
  promql_expr_test:
  - {expr: 'ALERTS{alertstate="pending"}', eval_time: 1m, exp_samples: [{labels: 'ALERTS{alertname="Busy",alertstate="pending",job="a",severity="page"}', value: 1}]}
  - {expr: 'job:up:sum', eval_time: 6m, exp_samples: [{labels: 'job:up:sum{job="a"}', value: 1}]}
  - {expr: 'timestamp(job:up:sum)', eval_time: 6m, exp_samples: [{labels: '{job="a"}', value: 360}]}
  - {expr: '1 + 1', eval_time: 0, exp_samples: [{value: 2}]}
)")),
            "");
}

/// An alert of another job, and a sum that is another one.
constexpr std::string_view kWrong = R"(
  alert_rule_test:
  - eval_time: 3m
    alertname: Busy
    exp_alerts:
    - exp_labels: {severity: page, job: b}
      exp_annotations: {text: 2 eu http://t}
  promql_expr_test:
  - {expr: 'sum(up)', eval_time: 1m, exp_samples: [{value: 3}]})";

TEST(UnitTestRunnerTest, AFailureSaysWhatWasExpected) {
  EXPECT_EQ(Failures(WithInput(std::string(kWrong) + R"(
  - {expr: 'sum(up)', eval_time: 1m}
  - {expr: 'up{job="none"}', eval_time: 1m, exp_samples: [{labels: up, value: 3}]}
  - {expr: 'up[5m]', eval_time: 1m}
  - {expr: 'sum(', eval_time: 1m}
)")),
            R"X(    at t.yaml:12:5
    name: busy,
    alertname: Busy, time: 3m, 
        exp:[
            0:
              Labels:{alertname="Busy", job="b", severity="page"}
              Annotations:{text="2 eu http://t"}
            ], 
        got:[
            0:
              Labels:{alertname="Busy", job="a", severity="page"}
              Annotations:{text="2 eu http://t"}
            ]
    at t.yaml:18:5
    name: busy,
    expr: "sum(up)", time: 1m,
        exp: {} 3E+00
        got: {} 2E+00
    at t.yaml:19:5
    name: busy,
    expr: "sum(up)", time: 1m,
        exp: nil
        got: {} 2E+00
    at t.yaml:20:5
    name: busy,
    expr: "up{job=\"none\"}", time: 1m,
        exp: up 3E+00
        got: nil
    at t.yaml:21:5
    name: busy,
    expr: "up[5m]", time: 1m, err: rule result is not a vector or scalar
    at t.yaml:22:5
    name: busy,
    expr: "sum(", time: 1m, err: 1:5: parse error: unclosed left parenthesis)X");
}

TEST(UnitTestRunnerTest, AFailureMayBeADiff) {
  UnitTestOptions options;
  options.diff = true;
  EXPECT_EQ(Failures(WithInput(std::string(kWrong)), kRules, options),
            R"X(    at t.yaml:12:5
    name: busy,
    alertname: Busy, time: 3m, 
        diff:
              [
              0:
            -   Labels:{alertname="Busy", job="b", severity="page"}
            +   Labels:{alertname="Busy", job="a", severity="page"}
                Annotations:{text="2 eu http://t"}
              ]
    at t.yaml:18:5
    name: busy,
    expr: "sum(up)", time: 1m,
        diff:
            - {} 3E+00
            + {} 2E+00)X");
}

TEST(UnitTestRunnerTest, GroupsAreEvaluatedInTheOrderAskedFor) {
  // "second" reads what "first" records: without the order it is a minute late.
  constexpr std::string_view kTests = R"(
tests:
- input_series: [{series: 'up{job="a"}', values: 2x5}]
  promql_expr_test:
  - {expr: 'count(ALERTS)', eval_time: 0, exp_samples: [{value: 1}]}
)";
  EXPECT_NE(Failures(kTests), "");
  EXPECT_EQ(Failures("group_eval_order: [first, second]" + std::string(kTests)), "");
}

TEST(UnitTestRunnerTest, ARuleThatCannotBeEvaluatedEndsTheTest) {
  constexpr std::string_view kTests = R"(
tests:
- input_series:
  - {series: 'a{i="1"}', values: 1}
  - {series: 'b{i="2"}', values: 1}
  - {series: 'b{i="3"}', values: 1}
  promql_expr_test: [{expr: '1', eval_time: 5m, exp_samples: [{value: 2}]}]
)";
  const std::string failures =
      Failures(kTests, "groups: [{name: g, rules: [{record: r, expr: 'a + on () b'}]}]");
  EXPECT_TRUE(failures.starts_with("    rule: r, time: 0s, err: ")) << failures;
  EXPECT_EQ(failures.find("exp:"), std::string::npos) << failures;
}

TEST(UnitTestRunnerTest, TheFutureIsNotVisible) {
  constexpr std::string_view kTests = R"(
tests:
- input_series: [{series: a, values: 0+1x10}]
  promql_expr_test:
  # Recorded at 1m, when the value of 2m was not there yet.
  - {expr: 'r', eval_time: 1m, exp_samples: [{labels: r, value: 1}]}
  - {expr: 'a offset -1m', eval_time: 1m, exp_samples: [{labels: a, value: 1}]}
)";
  EXPECT_EQ(Failures(kTests, "groups: [{name: g, rules: [{record: r, expr: 'a offset -1m'}]}]"),
            "");
}

TEST(UnitTestRunnerTest, TestsMayBeginAtAnyTime) {
  constexpr std::string_view kTests = R"(
tests:
- start_timestamp: 1704067200
  input_series: [{series: a, values: "10+10x15"}]
  alert_rule_test: [{eval_time: 3m, alertname: A, exp_alerts: [{}]}]
  promql_expr_test:
  - {expr: 'time()', eval_time: 5m, exp_samples: [{value: 1704067500}]}
  - {expr: 'a @ 1704067320', eval_time: 5m, exp_samples: [{labels: a, value: 30}]}
  - {expr: 'timestamp(r)', eval_time: 4m, exp_samples: [{value: 1704067440}]}
)";
  EXPECT_EQ(
      Failures(kTests,
               "groups: [{name: g, rules: [{record: r, expr: a}, {alert: A, expr: 'a > 30'}]}]"),
      "");
}

TEST(UnitTestRunnerTest, TestsMayLastForCenturies) {
  constexpr std::string_view kTests = R"(
evaluation_interval: 100d
tests:
- input_series: [{series: a, values: "0+1x1067"}]
  alert_rule_test: [{eval_time: 106700d, alertname: A, exp_alerts: [{}]}]
  promql_expr_test: [{expr: 'r', eval_time: 106700d, exp_samples: [{labels: r, value: 1067}]}]
)";
  EXPECT_EQ(Failures(kTests,
                     "groups: [{name: g, rules: [{record: r, expr: a}, {alert: A, expr: "
                     "'a == 1067'}]}]"),
            "");
}

TEST(UnitTestRunnerTest, FuzzyIsOneInTheLastPlace) {
  constexpr std::string_view kTests = R"(
tests:
- input_series: [{series: a, values: 2.9999999999999996}]
  promql_expr_test: [{expr: a, exp_samples: [{labels: a, value: 3}]}]
)";
  EXPECT_NE(Failures(kTests), "");
  EXPECT_EQ(Failures("fuzzy_compare: true" + std::string(kTests)), "");
  constexpr std::string_view kTooFar = R"(
fuzzy_compare: true
tests:
- input_series: [{series: a, values: 2.9999999999999987}]
  promql_expr_test: [{expr: a, exp_samples: [{labels: a, value: 3}]}]
)";
  EXPECT_NE(Failures(kTooFar), "");
}

TEST(UnitTestRunnerTest, HistogramsAreComparedWhole) {
  constexpr std::string_view kTests = R"(
tests:
- input_series:
  - {series: h, values: "{{sum:3 count:2 buckets:[2]}}+{{sum:1.3 count:1 buckets:[1]}}x2"}
  promql_expr_test:
  - {expr: h, eval_time: 2m, exp_samples: [{labels: h, histogram: "{{count:4 sum:5.6 counter_reset_hint:not_reset buckets:[4]}}"}]}
  - {expr: r, eval_time: 2m, exp_samples: [{labels: r, histogram: "{{count:4 sum:5.6 counter_reset_hint:not_reset buckets:[4]}}"}]}
  - {expr: h, eval_time: 2m, exp_samples: [{labels: h, histogram: "{{count:4 sum:5.7 counter_reset_hint:not_reset buckets:[4]}}"}]}
)";
  EXPECT_EQ(Failures(kTests, "groups: [{name: g, rules: [{record: r, expr: h}]}]"),
            R"(    at t.yaml:8:5
    expr: "h", time: 2m,
        exp: h {{count:4 sum:5.7 counter_reset_hint:not_reset buckets:[4]}}
        got: h {{count:4 sum:5.6 counter_reset_hint:not_reset buckets:[4]}})");
}

/// One test over series `r` and histograms `h`, which expects nothing.
constexpr std::string_view kQuiet = R"(
tests:
- input_series:
  - {series: r, values: 7 _ 7}
  - {series: h, values: "{{sum:3 count:2 buckets:[2]}}x2"}
  promql_expr_test: [{expr: none, eval_time: 2m}]
)";

TEST(UnitTestRunnerTest, AnotherValueAtTheSameTimeFailsTheRule) {
  EXPECT_EQ(Failures(kQuiet, "groups: [{name: g, rules: [{record: r, expr: vector(5)}]}]"),
            "    rule: r, time: 0s, err: 1 results were not taken: duplicate sample for timestamp: "
            "series r, timestamp 0");
  constexpr std::string_view kLater =
      "groups: [{name: g, rules: [{record: a, expr: vector(time() > bool 0)}, {record: a, expr: "
      "vector(time() > bool 0) + vector(time() > bool 60)}]}]";
  EXPECT_EQ(Failures(kQuiet, kLater),
            "    rule: a, time: 2m, err: 1 results were not taken: duplicate sample for timestamp: "
            "series a, timestamp 120000");
  for (const std::string_view other : {"h * 2", "vector(0)", "h"}) {
    const std::string first = other == "h" ? "vector(0)" : "h";
    const std::string failures =
        Failures(kQuiet, "groups: [{name: g, rules: [{record: a, expr: " + first +
                             "}, {record: a, expr: " + std::string(other) + "}]}]");
    EXPECT_TRUE(failures.contains("duplicate sample for timestamp")) << other << failures;
  }
}

TEST(UnitTestRunnerTest, AValueThatIsOlderThanAnotherFailsTheRule) {
  constexpr std::string_view kLate =
      "groups: [{name: g, rules: [{record: a, expr: vector(1)}]}, {name: late, query_offset: 1m, "
      "rules: [{record: a, expr: vector(1)}]}]";
  EXPECT_EQ(Failures(kQuiet, kLate),
            "    rule: a, time: 0s, err: 1 results were not taken: out of order sample: series "
            "a, timestamp -60000");
}

TEST(UnitTestRunnerTest, TheSameValueMayBeWrittenTwice) {
  for (const std::string_view expr : {"vector(7)", "h", "vector(NaN)"}) {
    const std::string rule = "{record: a, expr: " + std::string(expr) + "}";
    EXPECT_EQ(Failures(kQuiet, "groups: [{name: g, rules: [" + rule + ", " + rule + "]}]"), "");
  }
  constexpr std::string_view kTests = R"(
tests:
- input_series: [{series: r, values: 7 _ 7}]
  promql_expr_test:
  - {expr: r, eval_time: 1m, exp_samples: [{labels: r, value: 7}]}
)";
  EXPECT_EQ(Failures(kTests, "groups: [{name: g, rules: [{record: r, expr: 'vector(7)'}]}]"), "");
}

TEST(UnitTestRunnerTest, EverySeriesCanBeDumped) {
  UnitTestOptions options;
  std::string dumped;
  options.dump = [&dumped](std::string_view text) { dumped = text; };
  EXPECT_EQ(Failures(WithInput("  promql_expr_test: [{expr: '1', eval_time: 1m, exp_samples: "
                               "[{value: 1}]}]\n"),
                     kRules, options),
            "");
  EXPECT_NE(dumped.find("job:up:sum{job=\"a\"} =>\n2 @[0]\n2 @[60000]\n"), std::string::npos)
      << dumped;
}

TEST(LineDiffTest, LinesOfBothStandOnce) {
  EXPECT_EQ(LineDiff("a\nb\nc", "a\nx\nc"), "  a\n- b\n+ x\n  c");
  EXPECT_EQ(LineDiff("", "a"), "- \n+ a");
  EXPECT_EQ(LineDiff("a\nb", "b"), "- a\n  b");
  EXPECT_EQ(LineDiff("a", "a"), "  a");
}

TEST(LineDiffTest, LongTextsAreToldWhole) {
  std::string lines;
  for (int i = 0; i < 1500; ++i) lines.append("x\n");
  const std::string diff = LineDiff(lines, lines);
  EXPECT_EQ(std::ranges::count(diff, '-'), 1501);
  EXPECT_EQ(std::ranges::count(diff, '+'), 1501);
}

}  // namespace
}  // namespace tocsin::rules
