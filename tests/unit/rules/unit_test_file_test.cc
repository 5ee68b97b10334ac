#include "cpp/rules/unit_test_file.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"

namespace tocsin::rules {
namespace {

UnitTestFile Parsed(std::string_view text) {
  const Result<UnitTestFile> file = ParseUnitTestFile("t.yaml", text);
  EXPECT_TRUE(file.has_value()) << file.error().message();
  return file.has_value() ? *file : UnitTestFile();
}

std::string Complaint(std::string_view text) {
  const Result<UnitTestFile> file = ParseUnitTestFile("t.yaml", text);
  EXPECT_FALSE(file.has_value());
  return file.has_value() ? "" : std::string(file.error().message());
}

TEST(UnitTestFileTest, EveryFieldIsRead) {
  const UnitTestFile file = Parsed(R"(
rule_files: [a.yaml, "rules/*.yaml"]
evaluation_interval: 30s
group_eval_order: [second, first]
fuzzy_compare: true
tests:
  - name: one
    interval: 15s
    start_timestamp: "2024-01-01T00:00:00Z"
    external_url: https://t.example/
    external_labels: {region: eu}
    input_series:
      - series: up{job="a"}
        values: 1 _ stale 2+2x2
      - series: latency
        values: "{{count:2 sum:3 buckets:[2]}}x1"
    alert_rule_test:
      - eval_time: 5m
        alertname: Down
        exp_alerts:
          - exp_labels: {job: a, level: 3}
            exp_annotations: {summary: it is down, empty: ""}
          - {}
    promql_expr_test:
      - expr: up
        eval_time: 1m30s
        exp_samples:
          - labels: up{job="a"}
            value: 1e3
          - labels: '{a="b"}'
            value: .inf
          - labels: latency
            histogram: "{{sum:3 count:2 buckets:[2]}}"
)");
  EXPECT_EQ(file.rule_files, (std::vector<std::string>{"a.yaml", "rules/*.yaml"}));
  EXPECT_EQ(file.evaluation_interval, 30 * kSecond);
  EXPECT_EQ(file.group_eval_order, (std::vector<std::string>{"second", "first"}));
  EXPECT_TRUE(file.fuzzy_compare);
  ASSERT_EQ(file.tests.size(), 1U);
  const UnitTest& test = file.tests.front();
  constexpr Millis kStart = 1'704'067'200'000;
  EXPECT_EQ(test.name, "one");
  EXPECT_EQ(test.interval, 15 * kSecond);
  EXPECT_EQ(test.start, kStart * kMillisecond);
  EXPECT_EQ(test.external_url, "https://t.example/");
  EXPECT_EQ(test.external_labels, (Labels{{"region", "eu"}}));
  EXPECT_EQ(test.LastEvalTime(), 5 * kMinute);
  ASSERT_EQ(test.input.size(), 2U);
  EXPECT_EQ(test.input[0].labels, (Labels{{"__name__", "up"}, {"job", "a"}}));
  ASSERT_EQ(test.input[0].values.size(), 5U);  // One is blank.
  EXPECT_EQ(test.input[0].values[0].t, kStart);
  EXPECT_TRUE(IsStaleNan(test.input[0].values[1].value));
  EXPECT_EQ(test.input[0].values[4].t, kStart + 5 * 15'000);
  EXPECT_EQ(test.input[0].values[4].value, 6);
  EXPECT_NE(test.input[1].values[1].histogram, nullptr);
  ASSERT_EQ(test.alerts.size(), 1U);
  EXPECT_EQ(test.alerts[0].where, "t.yaml:18:9");
  ASSERT_EQ(test.alerts[0].alerts.size(), 2U);
  EXPECT_EQ(test.alerts[0].alerts[0].labels,
            (Labels{{"alertname", "Down"}, {"job", "a"}, {"level", "3"}}));
  EXPECT_EQ(test.alerts[0].alerts[0].annotations,
            (Annotations{{"empty", ""}, {"summary", "it is down"}}));
  ASSERT_EQ(test.expressions.size(), 1U);
  ASSERT_EQ(test.expressions[0].elements.size(), 3U);
  EXPECT_EQ(test.expressions[0].elements[0].value, 1000);
  EXPECT_TRUE(std::isinf(test.expressions[0].elements[1].value));
  EXPECT_EQ(test.expressions[0].elements[2].histogram, "{{count:2 sum:3 buckets:[2]}}");
}

TEST(UnitTestFileTest, WhatIsLeftOutIsAsInPromtool) {
  const UnitTestFile file = Parsed("tests:\n  - input_series: [{series: a, values: 1}]\n  -\n");
  EXPECT_EQ(file.evaluation_interval, kMinute);
  ASSERT_EQ(file.tests.size(), 2U);
  EXPECT_EQ(file.tests[0].interval, kMinute);
  EXPECT_EQ(file.tests[0].start, 0);
  EXPECT_EQ(file.tests[0].LastEvalTime(), 0);
  EXPECT_TRUE(Parsed("").tests.empty());
}

TEST(UnitTestFileTest, TheIntervalOfATestIsThatOfTheEvaluations) {
  EXPECT_EQ(Parsed("evaluation_interval: 5s\ntests: [{name: a}]").tests[0].interval, 5 * kSecond);
}

TEST(UnitTestFileTest, StartMayBeInSeconds) {
  EXPECT_EQ(Parsed("tests: [{start_timestamp: 1609459200}]").tests[0].start,
            1'609'459'200 * kSecond);
  EXPECT_EQ(Parsed("tests: [{start_timestamp: 1.5}]").tests[0].start, 1500 * kMillisecond);
  EXPECT_EQ(Complaint("tests:\n- start_timestamp: noon\n"),
            "t.yaml:2:20: start_timestamp is of RFC 3339 or in Unix seconds, not \"noon\"");
}

TEST(UnitTestFileTest, StartTimesBelongToTheNextSeries) {
  const UnitTestFile file = Parsed(
      "tests:\n- input_series:\n  - {series: a@st, values: -1m _}\n  - {series: a, values: 1 2}\n");
  ASSERT_EQ(file.tests[0].input.size(), 1U);
  EXPECT_EQ(file.tests[0].input[0].values[0].start, -60'000);
  EXPECT_EQ(file.tests[0].input[0].values[1].start, 0);
}

TEST(UnitTestFileTest, OfOneSeriesTheLastCounts) {
  const UnitTestFile file =
      Parsed("tests:\n- input_series: [{series: a, values: 1}, {series: a, values: 2 3}]\n");
  ASSERT_EQ(file.tests[0].input.size(), 1U);
  EXPECT_EQ(file.tests[0].input[0].values.size(), 2U);
}

TEST(UnitTestFileTest, ComplaintsNameTheirPlace) {
  EXPECT_EQ(Complaint("rule_file: a\n"),
            "t.yaml:1:1: unknown key \"rule_file\" in a file of unit tests (known: rule_files, "
            "evaluation_interval, group_eval_order, fuzzy_compare, tests)");
  EXPECT_EQ(
      Complaint("tests:\n- alert_rule_test:\n  - {eval_time: 5m, alertnam: A}\n"),
      "t.yaml:3:21: unknown key \"alertnam\" in an item of alert_rule_test (known: eval_time, "
      "alertname, exp_alerts)");
  EXPECT_EQ(Complaint("tests:\n- alert_rule_test:\n  - eval_time: 5m\n"),
            "t.yaml:3:5: an item under alert_rule_test misses required attribute alertname at "
            "eval_time 5m");
  EXPECT_EQ(Complaint("group_eval_order: [a, b, a]"),
            "t.yaml:1:26: group name repeated in evaluation order: a");
  EXPECT_EQ(Complaint("evaluation_interval: ''"),
            "t.yaml:1:22: evaluation_interval: empty duration string");
  EXPECT_EQ(Parsed("evaluation_interval:").evaluation_interval, kMinute);
  EXPECT_EQ(Complaint("tests: [{interval: 5 minutes}]").substr(0, 23), "t.yaml:1:20: interval: ");
  EXPECT_EQ(Complaint("tests: {}"), "t.yaml:1:8: tests is a list");
  EXPECT_EQ(Complaint("fuzzy_compare: maybe"), "t.yaml:1:16: fuzzy_compare is true or false");
  EXPECT_EQ(Complaint("tests: [{promql_expr_test: [{exp_samples: [{value: one}]}]}]"),
            "t.yaml:1:52: value is a number, not \"one\"");
  EXPECT_EQ(Complaint("a: [").substr(0, 9), "t.yaml:1:");
}

TEST(UnitTestFileTest, BadSeriesAreComplaints) {
  const std::string series =
      Complaint("tests:\n- input_series:\n  - series: up{job=\"a\"\n    values: 1\n");
  EXPECT_EQ(series,
            "t.yaml:3:5: invalid series: 1:12: parse error: unexpected character inside braces: "
            "'1'");
  const std::string labels =
      Complaint("tests: [{promql_expr_test: [{exp_samples: [{labels: 'a{b=}'}]}]}]");
  EXPECT_TRUE(labels.starts_with("t.yaml:1:5")) << labels;
  const std::string several =
      Complaint("tests: [{promql_expr_test: [{exp_samples: [{labels: 'a', histogram: '1'}]}]}]");
  EXPECT_EQ(several, "t.yaml:1:69: histogram: one histogram is expected");
  // A histogram that no store would take: less than none in a bucket.
  const std::string histogram =
      Complaint("tests: [{input_series: [{series: a, values: '{{count:1 sum:1 buckets:[-1]}}'}]}]");
  EXPECT_TRUE(histogram.starts_with("t.yaml:1:25: invalid series: ")) << histogram;
}

TEST(UnitTestFileTest, TestsEndBeforeTimeDoes) {
  constexpr std::string_view kLong = "tests: [{promql_expr_test: [{eval_time: 106700d}]}]";
  EXPECT_EQ(Parsed(kLong).tests[0].LastEvalTime(), 106'700 * kDay);
  EXPECT_EQ(Complaint("tests: [{start_timestamp: 1704067200, promql_expr_test: [{eval_time: "
                      "106700d}]}]"),
            "t.yaml:1:9: the test ends too late");
}

TEST(UnitTestFileTest, AllComplaintsAreTold) {
  EXPECT_EQ(Complaint("tests: {}\nfuzzy_compare: 1\n"),
            "t.yaml:2:16: fuzzy_compare is true or false\nt.yaml:1:8: tests is a list");
}

}  // namespace
}  // namespace tocsin::rules
