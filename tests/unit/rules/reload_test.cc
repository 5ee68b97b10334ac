// Rule files that are loaded again: what stays, what ends, what moves.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

using ReloadTest = ManagerTest;

constexpr std::string_view kOneRule =
    "groups: [{name: g, interval: 30s, rules: [{alert: A, expr: x > 0}]}]";

TEST_F(ReloadTest, AReloadKeepsTheStateOfRulesThatStay) {
  const std::string both = R"(groups:
- name: g
  interval: 30s
  rules:
  - {alert: A, expr: vector(1), for: 5m}
  - {alert: B, expr: vector(1), for: 5m}
)";
  Start(both);
  RunFor(2 * kMinute);
  const Nanos active_at = View(0).alerts.at(0).active_at;
  const Nanos due = next_;
  // B is edited, A stays; their order changes.
  Load(R"(groups:
- name: g
  interval: 30s
  rules:
  - {alert: B, expr: vector(2), for: 10m}
  - {alert: A, expr: vector(1), for: 5m}
)");
  EXPECT_EQ(next_, due);
  EXPECT_EQ(View(1).alerts.at(0).active_at, active_at);
  EXPECT_EQ(View(0).alerts.at(0).active_at, active_at);
  RunFor(4 * kMinute);
  EXPECT_EQ(StateOf("A"), "firing");
  EXPECT_EQ(StateOf("B"), "pending");
  EXPECT_EQ(View(0).alerts.at(0).value, 2);
}

TEST_F(ReloadTest, AReloadEndsTheSeriesOfRulesThatGo) {
  Start(
      "groups: [{name: g, interval: 30s, rules: [{record: a, expr: '1'}, {record: b, expr: "
      "'1'}]}]");
  RunFor(kMinute);
  EXPECT_EQ(state_.entries.size(), 3U);
  Load("groups: [{name: g, interval: 30s, rules: [{record: b, expr: '1'}]}]");
  RunFor(30 * kSecond);
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}}), "stale");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "b"}}), "1.000000");
  EXPECT_EQ(state_.entries.size(), 2U);
  Load("groups: []");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "b"}}), "stale");
  EXPECT_TRUE(state_.entries.empty());
}

TEST_F(ReloadTest, OneGroupLoadedTwiceIsRefusedAndChangesNothing) {
  Start(kOneRule);
  std::vector<RuleFile> files;
  files.push_back(*ParseRuleFile("a.yaml", kOneRule));
  files.push_back(*ParseRuleFile("a.yaml", kOneRule));
  const Status status = manager_->Load(std::move(files), clock_.Now());
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(manager_->Groups().size(), 1U);
}

TEST_F(ReloadTest, AGroupThatSaysTheSameIsNotTouched) {
  Start(kOneRule);
  const Nanos due = next_;
  RunTo(next_);
  const auto before = manager_->Groups().at(0);
  Load("# another comment\n" + std::string(kOneRule));
  EXPECT_EQ(manager_->Groups().at(0), before) << "not even its view is made anew";
  EXPECT_EQ(next_, due + 30 * kSecond);
}

TEST_F(ReloadTest, OtherOptionsReachEveryGroupAndKeepItsState) {
  Start("groups: [{name: g, rules: [{alert: A, expr: vector(1), for: 10m}]}]");
  RunFor(2 * kMinute);
  const Nanos active_at = View(0).alerts.at(0).active_at;
  options_.default_interval = 20 * kSecond;
  std::vector<RuleFile> files;
  files.push_back(*ParseRuleFile(
      "r.yaml", "groups: [{name: g, rules: [{alert: A, expr: vector(1), for: 10m}]}]"));
  ASSERT_TRUE(manager_->Load(std::move(files), options_, clock_.Now()).ok());
  EXPECT_EQ(manager_->Groups().at(0)->interval, 20 * kSecond);
  EXPECT_EQ(View(0).alerts.at(0).active_at, active_at);
}

TEST_F(ReloadTest, ARuleThatMovesToAnotherGroupLeavesNoGap) {
  Start(
      "groups: [{name: old, interval: 30s, rules: [{record: a, expr: '1'}, {record: b, expr: "
      "'1'}]}]");
  RunFor(kMinute);
  Load("groups: [{name: new, interval: 30s, rules: [{record: a, expr: '2'}]}]");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}}), "1.000000") << "it goes on in the new group";
  EXPECT_EQ(series_.Last(Labels{{"__name__", "b"}}), "stale") << "nobody gives it any more";
  RunFor(30 * kSecond);
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}}), "2.000000");
  for (const promql::SeriesData& series : series_.all()) {
    if (series.labels.metric_name() != "a") continue;
    for (const Sample& sample : series.samples) EXPECT_FALSE(IsStaleNan(sample.v));
  }
}

TEST_F(ReloadTest, WhatTheNewGroupDoesNotGiveEndsAtItsNextEvaluation) {
  Start("groups: [{name: old, interval: 30s, rules: [{record: a, expr: '1', labels: {v: one}}]}]");
  RunFor(kMinute);
  Load("groups: [{name: new, interval: 30s, rules: [{record: a, expr: '1', labels: {v: two}}]}]");
  RunFor(30 * kSecond);
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}, {"v", "one"}}), "stale");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}, {"v", "two"}}), "1.000000");
}

TEST_F(ReloadTest, ARuleWithOtherLabelsIsAnotherRule) {
  Start("groups: [{name: g, interval: 30s, rules: [{record: a, expr: '1', labels: {v: one}}]}]");
  RunFor(kMinute);
  Load("groups: [{name: g, interval: 30s, rules: [{record: a, expr: '1', labels: {v: two}}]}]");
  RunFor(30 * kSecond);
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}, {"v", "one"}}), "stale");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "a"}, {"v", "two"}}), "1.000000");
}

}  // namespace
}  // namespace tocsin::rules
