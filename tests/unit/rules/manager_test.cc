// Groups of rules under a virtual clock, with the real PromQL engine over series in memory: when
// they are evaluated, what they write, send and save, and what a restart or a reload leaves as it
// was.

#include "cpp/rules/manager.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

constexpr std::string_view kTwoRules = R"(groups:
- name: g
  interval: 30s
  rules:
  - record: twice
    expr: x * 2
    labels: {kind: test}
  - alert: Big
    expr: twice > 4
)";

TEST_F(ManagerTest, GroupsAreEvaluatedAtTheSameNominalTimesAfterEveryStart) {
  Start(kTwoRules);
  const Nanos first = next_;
  EXPECT_GT(first, kStart);
  EXPECT_LE(first, kStart + 30 * kSecond);
  RunFor(kMinute);
  EXPECT_EQ((manager_->Groups()[0]->last_evaluation - first) % (30 * kSecond), 0);
  clock_.Advance(7 * kMinute + 123);
  Start(kTwoRules);
  EXPECT_EQ((next_ - first) % (30 * kSecond), 0);
  EXPECT_EQ(first % kMillisecond, 0);
}

TEST_F(ManagerTest, GroupsAreSpreadOverTheirInterval) {
  std::string text = "groups:\n";
  for (int i = 0; i < 20; ++i) {
    text += "- {name: g" + std::to_string(i) + ", interval: 1m, rules: [{record: a, expr: '1'}]}\n";
  }
  Start(text);
  std::vector<Nanos> times;
  for (int i = 0; i < 20; ++i) {
    times.push_back(next_ % kMinute);
    clock_.Set(next_);
    next_ = manager_->RunDue(next_);
  }
  std::ranges::sort(times);
  EXPECT_EQ(std::ranges::unique(times).begin(), times.end());
}

TEST_F(ManagerTest, MissedEvaluationsAreSkippedAndTheLastOneIsDone) {
  Start(kTwoRules);
  const Nanos first = next_;
  clock_.Set(first + 100 * kSecond);
  const Nanos next = manager_->RunDue(clock_.Now());
  EXPECT_EQ(manager_->Groups()[0]->last_evaluation, first + 90 * kSecond);
  EXPECT_EQ(next, first + 120 * kSecond);
}

TEST_F(ManagerTest, AClockThatIsSetBackDoesNotStopTheRules) {
  Start(kTwoRules);
  clock_.Set(kStart - kHour);
  const Nanos next = manager_->RunDue(clock_.Now());
  EXPECT_LE(next, kStart - kHour + 30 * kSecond);
}

TEST_F(ManagerTest, WithoutGroupsNothingIsEverDue) {
  Start("");
  EXPECT_EQ(next_, kNever);
  EXPECT_TRUE(manager_->Groups().empty());
}

TEST_F(ManagerTest, ALaterRuleSeesWhatAnEarlierOneWroteInTheSameEvaluation) {
  Start(kTwoRules);
  series_.Add(Labels{{"__name__", "x"}, {"job", "a"}}, next_ / kMillisecond - 1, 3);
  clock_.Set(next_);
  manager_->RunDue(next_);
  EXPECT_EQ(series_.Last(Labels{{"__name__", "twice"}, {"job", "a"}, {"kind", "test"}}),
            "6.000000");
  EXPECT_EQ(StateOf("Big"), "firing");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "ALERTS"},
                                {"alertname", "Big"},
                                {"alertstate", "firing"},
                                {"job", "a"},
                                {"kind", "test"}}),
            "1.000000");
}

TEST_F(ManagerTest, SeriesThatAreGoneGetAStaleMarker) {
  Start(kTwoRules);
  const Labels x{{"__name__", "x"}, {"job", "a"}};
  const Labels twice{{"__name__", "twice"}, {"job", "a"}, {"kind", "test"}};
  series_.Add(x, kStart / kMillisecond, 3);
  RunFor(kMinute);
  EXPECT_EQ(series_.Last(twice), "6.000000");
  series_.Add(x, clock_.Now() / kMillisecond, StaleNan());
  RunFor(30 * kSecond);
  EXPECT_EQ(series_.Last(twice), "stale");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "ALERTS"},
                                {"alertname", "Big"},
                                {"alertstate", "firing"},
                                {"job", "a"},
                                {"kind", "test"}}),
            "stale");
}

TEST_F(ManagerTest, SeriesThatAreGoneAfterARestartGetTheirStaleMarkerToo) {
  Start(kTwoRules);
  const Labels x{{"__name__", "x"}, {"job", "a"}};
  series_.Add(x, kStart / kMillisecond, 3);
  RunFor(kMinute);
  series_.Add(x, clock_.Now() / kMillisecond, StaleNan());
  Start(kTwoRules);
  RunFor(30 * kSecond);
  EXPECT_EQ(series_.Last(Labels{{"__name__", "twice"}, {"job", "a"}, {"kind", "test"}}), "stale");
  EXPECT_EQ(
      series_.Last(Labels{
          {"__name__", "ALERTS_FOR_STATE"}, {"alertname", "Big"}, {"job", "a"}, {"kind", "test"}}),
      "stale");
}

TEST_F(ManagerTest, ThePendingSeriesEndsWhenTheAlertFires) {
  Start("groups: [{name: g, interval: 30s, rules: [{alert: A, expr: 'vector(1)', for: 30s}]}]");
  const auto alerts = [](std::string_view state) {
    return Labels{{"__name__", "ALERTS"}, {"alertname", "A"}, {"alertstate", std::string(state)}};
  };
  RunTo(next_);
  EXPECT_EQ(series_.Last(alerts("pending")), "1.000000");
  RunTo(next_);
  EXPECT_EQ(series_.Last(alerts("pending")), "stale");
  EXPECT_EQ(series_.Last(alerts("firing")), "1.000000");
}

TEST_F(ManagerTest, TheQueryOffsetShiftsQueriesAndSamples) {
  Start(
      "groups: [{name: g, interval: 30s, query_offset: 10s, rules: [{record: a, expr: time()}]}]");
  const Nanos due = next_;
  RunTo(due);
  const promql::SeriesData& series = series_.all().at(0);
  ASSERT_EQ(series.samples.size(), 1U);
  EXPECT_EQ(series.samples[0].t, due / kMillisecond - 10'000);
  EXPECT_EQ(std::llround(series.samples[0].v * 1000), due / kMillisecond - 10'000);
  EXPECT_EQ(manager_->Groups()[0]->query_offset, 10 * kSecond);
}

TEST_F(ManagerTest, AFailingRuleIsUnhealthyAndTheOthersGoOn) {
  Start(R"(groups:
- name: g
  interval: 30s
  rules:
  - record: same
    expr: label_replace(x, "job", "", "job", ".*")
  - record: fine
    expr: vector(1)
)");
  series_.Add(Labels{{"__name__", "x"}, {"job", "a"}}, kStart / kMillisecond, 1);
  series_.Add(Labels{{"__name__", "x"}, {"job", "b"}}, kStart / kMillisecond, 1);
  EXPECT_EQ(View(0).health, "unknown");
  RunTo(next_);
  EXPECT_EQ(View(0).health, "err");
  EXPECT_NE(View(0).last_error, "");
  EXPECT_EQ(View(1).health, "ok");
  EXPECT_EQ(series_.Last(Labels{{"__name__", "fine"}}), "1.000000");
}

TEST_F(ManagerTest, RecordingRulesRefuseTheSameLabelsTwiceAndMoreThanTheLimit) {
  Start(R"(groups:
- name: g
  interval: 30s
  limit: 1
  rules:
  - {record: same, expr: x, labels: {job: one}}
  - {record: many, expr: x}
)");
  series_.Add(Labels{{"__name__", "x"}, {"job", "a"}}, kStart / kMillisecond, 1);
  series_.Add(Labels{{"__name__", "x"}, {"job", "b"}}, kStart / kMillisecond, 1);
  RunTo(next_);
  EXPECT_EQ(View(0).last_error,
            "vector contains metrics with the same labelset after applying rule labels");
  EXPECT_EQ(View(1).last_error, "exceeded limit of 1 with 2 series");
}

TEST_F(ManagerTest, AFullDiskMakesRulesUnhealthyUntilThereIsRoomAgain) {
  Start(kTwoRules);
  series_.Add(Labels{{"__name__", "x"}}, kStart / kMillisecond, 3);
  series_.full = true;
  state_.full = true;
  RunTo(next_);
  EXPECT_EQ(View(0).health, "err");
  EXPECT_EQ(View(0).last_error, "no space left on device");
  EXPECT_TRUE(state_.entries.empty());
  series_.full = false;
  state_.full = false;
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
  EXPECT_EQ(StateOf("Big"), "firing");
  EXPECT_EQ(state_.entries.size(), 3U);
}

TEST_F(ManagerTest, AlertsAreSentThoughTheirSeriesCannotBeWritten) {
  Start("groups: [{name: g, interval: 30s, rules: [{alert: A, expr: vector(1)}]}]");
  series_.full = true;
  RunTo(next_);
  EXPECT_EQ(sink_.sent.size(), 1U);
}

TEST_F(ManagerTest, FiringAlertsAreSentAgainAndResolvedOnesForFifteenMinutes) {
  Start("groups: [{name: g, interval: 30s, rules: [{alert: A, expr: x > 0}]}]");
  const Labels x{{"__name__", "x"}};
  RunTo(kStart + 10 * kMinute, [&](Nanos now) { series_.Add(x, now / kMillisecond, 1); });
  // Every second message is due: with an interval of 30 s the delay of 1 m has passed after 90 s.
  EXPECT_EQ(sink_.Take().size(), 7U);
  series_.Add(x, clock_.Now() / kMillisecond, 0);
  RunTo(kStart + 40 * kMinute, [&](Nanos now) { series_.Add(x, now / kMillisecond, 0); });
  const std::vector<Alert> sent = sink_.Take();
  ASSERT_FALSE(sent.empty());
  for (const Alert& alert : sent) EXPECT_EQ(alert.ends_at, sent[0].ends_at);
  EXPECT_LE(sent.back().updated_at, sent[0].ends_at + 15 * kMinute);
  EXPECT_GE(sent.back().updated_at, sent[0].ends_at + 13 * kMinute);
}

TEST_F(ManagerTest, ExternalLabelsAreAddedWhereTheAlertHasNotTheName) {
  options_.external_labels = Labels{{"cluster", "c1"}, {"severity", "none"}};
  Start(R"(groups:
- name: g
  interval: 30s
  rules:
  - {alert: A, expr: vector(1), labels: {severity: high}, annotations: {a: "{{ $externalLabels.cluster }}"}}
)");
  RunTo(next_);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].labels,
            (Labels{{"alertname", "A"}, {"cluster", "c1"}, {"severity", "high"}}));
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "a"), "c1");
  EXPECT_EQ(manager_->Alerts()[0].labels, (Labels{{"alertname", "A"}, {"severity", "high"}}));
}

TEST_F(ManagerTest, TemplatesMayAsk) {
  Start(R"(groups:
- name: g
  interval: 30s
  rules:
  - alert: A
    expr: vector(1)
    annotations:
      n: '{{ range query "x" | sortByLabel "job" }}{{ .Labels.job }}={{ .Value }} {{ end }}'
      bad: '{{ query "sum(" }}'
)");
  series_.Add(Labels{{"__name__", "x"}, {"job", "b"}}, kStart / kMillisecond, 2);
  series_.Add(Labels{{"__name__", "x"}, {"job", "a"}}, kStart / kMillisecond, 1);
  RunTo(next_);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "n"), "a=1 b=2 ");
  EXPECT_TRUE(
      FindAnnotation(sink_.sent[0].annotations, "bad")
          .starts_with("<error expanding template: line 1, column 4: error calling query: "));
}

TEST_F(ManagerTest, DamagedStateIsLeftAndTheRuleBeginsAnew) {
  Start("groups: [{name: g, interval: 30s, rules: [{alert: A, expr: vector(1), for: 5m}]}]");
  RunFor(kMinute);
  for (auto& [key, value] : state_.entries) value = "damaged";
  Start("groups: [{name: g, interval: 30s, rules: [{alert: A, expr: vector(1), for: 5m}]}]");
  EXPECT_EQ(StateOf("A"), "none");
  RunFor(30 * kSecond);
  EXPECT_EQ(StateOf("A"), "pending");
}

TEST_F(ManagerTest, StateOfRulesThatAreGoneIsDroppedAtTheStart) {
  Start(kTwoRules);
  RunFor(kMinute);
  EXPECT_FALSE(state_.entries.empty());
  Start("groups: []");
  EXPECT_TRUE(state_.entries.empty());
}

TEST_F(ManagerTest, TheViewsShowWhatTheFileSaysAndWhatIs) {
  Start(R"(groups:
- name: g
  interval: 30s
  limit: 7
  labels: {team: core}
  rules:
  - alert: A
    expr: sum(x)   by (job)>1
    for: 1m
    keep_firing_for: 2m
    annotations: {a: "{{ $value }}"}
  - {record: r, expr: "1"}
)");
  EXPECT_EQ(View(0).state, "unknown");
  series_.Add(Labels{{"__name__", "x"}, {"job", "a"}}, kStart / kMillisecond, 2);
  RunTo(next_);
  const GroupView group = *manager_->Groups()[0];
  EXPECT_EQ(group.name, "g");
  EXPECT_EQ(group.file, "r.yaml");
  EXPECT_EQ(group.interval, 30 * kSecond);
  EXPECT_EQ(group.limit, 7U);
  EXPECT_GT(group.last_evaluation, kStart);
  const RuleView& alert = group.rules.at(0);
  EXPECT_TRUE(alert.alerting);
  EXPECT_EQ(alert.query, "sum by (job) (x) > 1");
  EXPECT_EQ(alert.hold, kMinute);
  EXPECT_EQ(alert.keep_firing_for, 2 * kMinute);
  EXPECT_EQ(alert.labels, (Labels{{"team", "core"}}));
  EXPECT_EQ(alert.annotations, (Annotations{{"a", "{{ $value }}"}}));
  EXPECT_EQ(alert.state, "pending");
  EXPECT_EQ(alert.health, "ok");
  EXPECT_EQ(alert.last_evaluation, group.last_evaluation);
  ASSERT_EQ(alert.alerts.size(), 1U);
  EXPECT_EQ(alert.alerts[0].annotations, (Annotations{{"a", "2"}}));
  EXPECT_EQ(alert.alerts[0].labels, (Labels{{"alertname", "A"}, {"job", "a"}, {"team", "core"}}));
  EXPECT_FALSE(group.rules.at(1).alerting);
  EXPECT_EQ(group.rules.at(1).state, "");
}

TEST_F(ManagerTest, RulesThatGiveNoVectorAreUnhealthy) {
  Start(
      "groups: [{name: g, interval: 30s, rules: [{record: a, expr: 'x[5m]'}, {record: b, expr: "
      "'\"s\"'}]}]");
  RunTo(next_);
  EXPECT_EQ(View(0).last_error, "rule result is not a vector or scalar");
  EXPECT_EQ(View(1).last_error, "rule result is not a vector or scalar");
}

TEST_F(ManagerTest, DurationsMayBeAsLongAsThereAreNumbersFor) {
  series_.Add(Labels{{"__name__", "x"}}, clock_.Now() / kMillisecond, 1);
  Start(R"(groups:
- name: g
  interval: 292y
  rules: [{alert: Never, expr: x}]
- name: h
  interval: 30s
  rules: [{alert: Long, expr: x, for: 292y, keep_firing_for: 292y}]
- name: o
  interval: 30s
  query_offset: 292y
  rules: [{alert: Old, expr: x}])");
  RunFor(kMinute);
  EXPECT_EQ(View(0, 0).health, "unknown");
  EXPECT_EQ(StateOf("Long"), "pending");
  EXPECT_EQ(View(0, 2).health, "nodata");
}

TEST_F(ManagerTest, AnAlertOfALongIntervalIsValidAsLongAsCanBeSaid) {
  series_.Add(Labels{{"__name__", "x"}}, clock_.Now() / kMillisecond, 1);
  Start("groups: [{name: g, interval: 100y, rules: [{alert: A, expr: vector(1)}]}]");
  RunTo(next_);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].ends_at, std::numeric_limits<Nanos>::max());
}

}  // namespace
}  // namespace tocsin::rules
