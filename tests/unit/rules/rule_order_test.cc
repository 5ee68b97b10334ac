// Which rules of a group have to wait for which.

#include "cpp/rules/rule_order.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/rules/rule_file.h"

namespace tocsin::rules {
namespace {

/// "1<0 2<0,1": rule 1 waits for rule 0, rule 2 for both; `rules` are the items of a YAML list.
std::string Waiting(std::string_view rules) {
  const auto file =
      ParseRuleFile("r.yaml", "groups: [{name: g, rules: [" + std::string(rules) + "]}]",
                    {.experimental_functions = true});
  if (!file.has_value()) return file.error().ToString();
  std::string text;
  const auto awaited = RulesToAwait(file->groups.at(0));
  for (size_t rule = 0; rule < awaited.size(); ++rule) {
    if (awaited[rule].empty()) continue;
    if (!text.empty()) text += " ";
    text += std::to_string(rule) + "<";
    for (const size_t earlier : awaited[rule]) {
      text += (text.back() == '<' ? "" : ",") + std::to_string(earlier);
    }
  }
  return text;
}

TEST(RulesToAwaitTest, RulesThatHaveNothingToDoWithEachOtherWaitForNone) {
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: b, expr: x + y}, {alert: C, expr: z > 1}"), "");
}

TEST(RulesToAwaitTest, AReaderWaitsForTheWriterBeforeIt) {
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: b, expr: y}, {record: c, expr: 'sum(a)'}"),
            "2<0");
  EXPECT_EQ(Waiting("{record: a, expr: x}, {alert: B, expr: 'rate(a[5m]) > 0'}"), "1<0");
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: b, expr: 'max_over_time(a[1h:5m])'}"), "1<0");
}

TEST(RulesToAwaitTest, AWriterWaitsForTheReaderBeforeIt) {
  EXPECT_EQ(Waiting("{record: b, expr: a}, {record: a, expr: x}"), "1<0");
}

TEST(RulesToAwaitTest, TwoThatMayWriteOneSeriesKeepTheirOrder) {
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: a, expr: y}"), "1<0");
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: a, expr: y, labels: {q: '1'}}"), "1<0");
  EXPECT_EQ(Waiting("{record: a, expr: x, labels: {q: '2'}}, "
                    "{record: a, expr: y, labels: {q: '1'}}"),
            "");
  EXPECT_EQ(Waiting("{alert: A, expr: x}, {alert: A, expr: y}"), "1<0");
  EXPECT_EQ(Waiting("{alert: A, expr: x, labels: {s: a}}, {alert: A, expr: y, labels: {s: b}}"),
            "");
  EXPECT_EQ(Waiting("{alert: A, expr: x, labels: {s: a}}, "
                    "{alert: A, expr: y, labels: {s: '{{ $value }}'}}"),
            "1<0");
}

TEST(RulesToAwaitTest, SelectorsMatchByPatternAndByLabels) {
  constexpr std::string_view kWriter = "{record: 'job:a', expr: x, labels: {q: '1'}}, ";
  const auto reading = [&](const std::string& selector) {
    return Waiting(std::string(kWriter) + "{record: b, expr: '" + selector + "'}");
  };
  EXPECT_EQ(reading(R"({__name__=~"job:.*"})"), "1<0");
  EXPECT_EQ(reading(R"({__name__=~"jobs:.*"})"), "");
  EXPECT_EQ(reading(R"({__name__!="job:a",z="1"})"), "");
  EXPECT_EQ(reading(R"({q="1"})"), "1<0");
  EXPECT_EQ(reading(R"({q=~"2|3",z!="9"})"), "");
  EXPECT_EQ(reading(R"(job:a{q!="1"})"), "");
  EXPECT_EQ(reading(R"(job:a{other="1"})"), "1<0");
}

TEST(RulesToAwaitTest, AlertsAreSeries) {
  constexpr std::string_view kAlerts = "{alert: A, expr: x}, {alert: B, expr: y}, ";
  const auto reading = [&](const std::string& selector) {
    return Waiting(std::string(kAlerts) + "{record: c, expr: '" + selector + "'}");
  };
  EXPECT_EQ(reading("count(ALERTS)"), "2<0,1");
  EXPECT_EQ(reading(R"(ALERTS_FOR_STATE{alertname="B"})"), "2<1");
  EXPECT_EQ(reading(R"(ALERTS{alertstate="firing",alertname!="B"})"), "2<0");
  EXPECT_EQ(reading(R"({severity="page"})"), "2<0,1");
}

TEST(RulesToAwaitTest, LabelsOfAlertsThatAreReplacedAreNotThoseWritten) {
  EXPECT_EQ(Waiting("{alert: A, expr: x, labels: {alertstate: mine, alertname: B}}, "
                    "{record: c, expr: 'ALERTS{alertstate=\"firing\",alertname=\"A\"}'}"),
            "1<0");
}

TEST(RulesToAwaitTest, WhatIsReadInWaysThatAreNotSeenIsEverything) {
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: b, expr: 'info(y)'}, {record: c, expr: z}"),
            "1<0 2<1");
  EXPECT_EQ(Waiting("{record: a, expr: x}, "
                    "{alert: B, expr: y, annotations: {s: '{{ query \"a\" }}'}}"),
            "1<0");
  EXPECT_EQ(Waiting("{record: a, expr: x}, "
                    "{alert: B, expr: y, annotations: {s: 'what I query'}}"),
            "");
}

TEST(RulesToAwaitTest, TracesAreNoSeries) {
  EXPECT_EQ(Waiting("{record: a, expr: x}, {record: b, expr: 'traceql(\"{} | rate()\")'}"), "");
}

TEST(RulesToAwaitTest, AVeryLargeGroupIsEvaluatedInOrder) {
  std::string rules;
  for (int i = 0; i < 600; ++i) rules += "{record: r" + std::to_string(i) + ", expr: x},";
  EXPECT_TRUE(Waiting(rules).starts_with("1<0 2<1 3<2 "));
}

TEST(RuleOrderTest, FreesARuleOnceAllThatItWaitsForHaveEnded) {
  RuleOrder order({{}, {}, {0, 1}, {2}});
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(order.Take(), std::nullopt);
    EXPECT_EQ(order.Begin(), 2U);
    EXPECT_EQ(order.Take(), 0U);
    EXPECT_EQ(order.TakeOrWait(), 1U);
    EXPECT_EQ(order.Take(), std::nullopt);
    EXPECT_EQ(order.End(1), 0U);
    EXPECT_EQ(order.Take(), std::nullopt);
    EXPECT_EQ(order.End(0), 1U);
    EXPECT_EQ(order.TakeOrWait(), 2U);
    EXPECT_EQ(order.End(2), 1U);
    EXPECT_EQ(order.Take(), 3U);
    EXPECT_EQ(order.End(3), 0U);
    EXPECT_EQ(order.TakeOrWait(), std::nullopt);
  }
}

TEST(RuleOrderTest, OneThreadTakesThemInTheirOrder) {
  RuleOrder order({{}, {0}, {}, {1}, {}});
  order.Begin();
  std::vector<size_t> taken;
  while (const auto rule = order.TakeOrWait()) {
    taken.push_back(*rule);
    order.End(*rule);
  }
  EXPECT_EQ(taken, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(RuleOrderTest, AGroupWithoutRulesIsDoneAtOnce) {
  RuleOrder order({});
  EXPECT_EQ(order.Begin(), 0U);
  EXPECT_EQ(order.TakeOrWait(), std::nullopt);
}

}  // namespace
}  // namespace tocsin::rules
