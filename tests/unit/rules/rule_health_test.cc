// What a rule says about itself, and what it leaves as it is, when it fails, when a template does,
// and when there is nothing to look at.

#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

class RuleHealthTest : public ManagerTest {
 protected:
  void Put(double value) { series_.Add(kX, clock_.Now() / kMillisecond, value); }

  const Labels kX{{"__name__", "x"}, {"job", "a"}};
};

constexpr std::string_view kAlert =
    "groups: [{name: g, interval: 30s, rules: [{alert: A, expr: x > 5}]}]";

TEST_F(RuleHealthTest, NoDataIsToldApartFromAllBeingWell) {
  Start(kAlert);
  EXPECT_EQ(View(0).health, "unknown");
  RunTo(next_);
  EXPECT_EQ(View(0).health, "nodata");
  EXPECT_EQ(View(0).state, "inactive");
  EXPECT_EQ(View(0).last_error, "no selector of the expression finds any series");
  Put(1);
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok") << "nothing to complain of, but there is something to look at";
  EXPECT_EQ(View(0).last_error, "");
}

TEST_F(RuleHealthTest, DataMayBeAwayForAnHour) {
  Start(kAlert);
  Put(1);
  RunFor(50 * kMinute);
  EXPECT_EQ(View(0).health, "ok");
  RunFor(20 * kMinute);
  EXPECT_EQ(View(0).health, "nodata");
}

TEST_F(RuleHealthTest, OneSelectorThatFindsSomethingIsEnough) {
  Start("groups: [{name: g, interval: 30s, rules: [{record: a, expr: gone / x}]}]");
  Put(1);
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
}

TEST_F(RuleHealthTest, AnExpressionWithoutSelectorsNeedsNoData) {
  Start("groups: [{name: g, interval: 30s, rules: [{record: a, expr: vector(0) > 1}]}]");
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
}

TEST_F(RuleHealthTest, ThatNothingFiresIsNoLackOfData) {
  Start(
      "groups: [{name: g, interval: 30s, rules: [{alert: A, expr: 'ALERTS{severity=\"page\"} > "
      "0'}]}]");
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
}

TEST_F(RuleHealthTest, AFailedTemplateShowsInTheTextAndInTheHealthAndIsSent) {
  Start(
      "groups: [{name: g, interval: 30s, rules: [{alert: A, expr: x > 5, annotations: "
      "{bad: '{{ query \"nothing\" | first }}', good: fine}}]}]");
  Put(6);
  RunTo(next_);
  EXPECT_EQ(View(0).health, "err");
  EXPECT_TRUE(View(0).last_error.starts_with("annotation \"bad\": ")) << View(0).last_error;
  EXPECT_EQ(View(0).state, "firing");
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_TRUE(
      FindAnnotation(sink_.sent[0].annotations, "bad").starts_with("<error expanding template: "));
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "good"), "fine");
  series_.Add(Labels{{"__name__", "nothing"}}, clock_.Now() / kMillisecond, 1);
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
}

TEST_F(RuleHealthTest, AFailedEvaluationLeavesAlertsAndSeriesAsTheyWere) {
  bool broken = false;
  query_ = [this, &broken](const promql::Expr& expr, std::string_view text,
                           Millis at) -> Result<QueryAnswer> {
    if (broken) return DeadlineExceededError("query timed out");
    return EngineQuery(engine_, series_)(expr, text, at);
  };
  Start(kAlert);
  Put(6);
  RunTo(next_);
  ASSERT_EQ(View(0).state, "firing");
  const std::map<std::string, std::string> saved = state_.entries;
  sink_.Take();
  broken = true;
  RunFor(2 * kMinute);
  EXPECT_EQ(View(0).health, "err");
  EXPECT_EQ(View(0).last_error, "query timed out");
  EXPECT_EQ(View(0).state, "firing");
  EXPECT_TRUE(sink_.sent.empty()) << "what is not known is not told";
  const Labels alerts{
      {"__name__", "ALERTS"}, {"alertname", "A"}, {"alertstate", "firing"}, {"job", "a"}};
  EXPECT_EQ(series_.Last(alerts), "1.000000") << "no stale marker";
  broken = false;
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
  EXPECT_EQ(View(0).state, "firing");
}

TEST_F(RuleHealthTest, ResultsThatTheStoreRefusesAreAnError) {
  Start("groups: [{name: g, interval: 30s, rules: [{record: a, expr: x}]}]");
  Put(1);
  series_.refuse = "out of order sample: series {a}";
  RunTo(next_);
  EXPECT_EQ(View(0).health, "err");
  EXPECT_EQ(View(0).last_error, "1 results were not taken: out of order sample: series {a}");
}

/// What the log has got of evaluations that failed, in the course of five of them.
TEST_F(RuleHealthTest, WhatFailsAgainAndAgainIsLoggedOnce) {
  Start("groups: [{name: g, interval: 30s, rules: [{record: a, expr: x}]}]");
  testing::internal::CaptureStderr();
  for (int i = 0; i < 5; ++i) {
    series_.refuse = "out of order sample: series {a}, timestamp " + std::to_string(next_);
    Put(1);
    RunTo(next_);
    EXPECT_TRUE(View(0).last_error.ends_with(series_.refuse)) << View(0).last_error;
  }
  series_.refuse = "too old sample: series {a}, timestamp 5";
  RunTo(next_);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 2) << log;
}

TEST_F(RuleHealthTest, ARuleThatNeedsMoreMemoryThanThereIsStopsNoOther) {
  bool too_much = true;
  query_ = [this, &too_much](const promql::Expr& expr, std::string_view text,
                             Millis at) -> Result<QueryAnswer> {
    if (too_much && text.contains("big")) throw std::bad_alloc();
    return EngineQuery(engine_, series_)(expr, text, at);
  };
  Start(
      "groups: [{name: g, interval: 30s, rules: [{alert: Big, expr: big or x > 5}, "
      "{record: a, expr: x}]}]");
  Put(6);
  RunTo(next_);
  EXPECT_EQ(View(0).health, "err");
  EXPECT_EQ(View(0).last_error, "there is not enough memory to evaluate the rule");
  EXPECT_EQ(View(1).health, "ok");
  too_much = false;
  RunTo(next_);
  EXPECT_EQ(View(0).health, "ok");
  EXPECT_EQ(View(0).state, "firing");
  too_much = true;
  RunTo(next_);
  EXPECT_EQ(View(0).state, "firing") << "what is not known changes nothing";
}

TEST_F(RuleHealthTest, WhatThrowsWhileItIsWrittenIsForgottenByNobody) {
  Start("groups: [{name: g, interval: 30s, rules: [{record: a, expr: x}]}]");
  const Labels a{{"__name__", "a"}, {"job", "a"}};
  Put(1);
  RunTo(next_);
  EXPECT_EQ(series_.Last(a), "1.000000");
  series_.throws = true;
  RunTo(next_);
  EXPECT_EQ(View(0).health, "err");
  series_.throws = false;
  series_.Add(kX, clock_.Now() / kMillisecond + 1, StaleNan());
  RunTo(next_);
  EXPECT_EQ(series_.Last(a), "stale") << "it ends though the evaluation before has failed";
}

TEST_F(RuleHealthTest, NativeHistogramsAreRecorded) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->count = 3;
  query_ = [&histogram](const promql::Expr&, std::string_view, Millis) -> Result<QueryAnswer> {
    QueryAnswer answer;
    answer.histograms.push_back({Labels{{"job", "a"}}, histogram});
    return answer;
  };
  Start("groups: [{name: g, interval: 30s, rules: [{record: h, expr: x}, {alert: A, expr: x}]}]");
  RunTo(next_);
  const Labels h{{"__name__", "h"}, {"job", "a"}};
  const auto series = std::ranges::find(series_.all(), h, &promql::SeriesData::labels);
  ASSERT_NE(series, series_.all().end());
  ASSERT_EQ(series->histograms.size(), 1U);
  EXPECT_EQ(series->histograms[0].histogram->count, 3);
  EXPECT_EQ(View(1).state, "firing") << "an element is an element";
}

/// Writes down in which order state is saved and alerts are sent.
class OrderedState : public FakeState {
 public:
  explicit OrderedState(const FakeSink* sink) : sink_(sink) {}
  Status Save(std::span<const StateChange> changes) override {
    sent_before_save.push_back(sink_->sent.size());
    return FakeState::Save(changes);
  }
  std::vector<size_t> sent_before_save;

 private:
  const FakeSink* sink_;
};

TEST_F(RuleHealthTest, StateIsSavedBeforeAlertsAreSent) {
  OrderedState state(&sink_);
  manager_ = std::make_unique<Manager>(options_, Ports{EngineQuery(engine_, series_), series_,
                                                       state, sink_, Telemetry::None(), clock_});
  Load(kAlert);
  Put(6);
  RunTo(next_);
  EXPECT_EQ(sink_.sent.size(), 1U);
  ASSERT_FALSE(state.sent_before_save.empty());
  EXPECT_EQ(state.sent_before_save.back(), 0U);
  const auto& entries = state.entries;
  EXPECT_TRUE(std::ranges::any_of(entries, [](const auto& entry) {
    return entry.second.find("firing") == std::string::npos && entry.first.contains("alert A");
  }));
}

}  // namespace
}  // namespace tocsin::rules
