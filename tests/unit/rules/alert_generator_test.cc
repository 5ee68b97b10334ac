// Prometheus's specification of alert generators, clause by clause, under a virtual clock: states,
// timing, series, what is sent when and with which times.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

constexpr Nanos kTick = 15 * kSecond;

/// A group of one interval of 15 s, and samples that come 1 ms before each evaluation.
class AlertGeneratorTest : public ManagerTest {
 protected:
  void StartRules(const std::string& rules, std::string_view interval = "15s") {
    Start("groups: [{name: g, interval: " + std::string(interval) + ", rules: [" + rules + "]}]");
  }

  /// One evaluation for each value; no value is a series that has ended.
  void Evaluate(const std::vector<std::optional<double>>& values) {
    for (const std::optional<double>& value : values) {
      series_.Add(kMetric, next_ / kMillisecond - 1, value.value_or(StaleNan()));
      at_ = next_;
      RunTo(next_);
    }
  }
  void Evaluate(double value, int times) {
    Evaluate(std::vector<std::optional<double>>(static_cast<size_t>(times), value));
  }

  /// "firing", "pending" or "inactive", of the first rule; its one alert and the series agree.
  std::string State() {
    RuleView view = View(0);
    EXPECT_EQ(view.health, "ok") << view.last_error;
    for (const std::string_view state : {"pending", "firing"}) {
      EXPECT_EQ(Value(AlertSeries(state)), view.state == state ? 1 : 0) << state;
    }
    if (view.alerts.empty()) {
      EXPECT_EQ(view.state, "inactive");
    } else {
      EXPECT_EQ(view.state, view.alerts[0].state);
    }
    return view.state;
  }
  static Labels AlertSeries(std::string_view state) {
    return Labels{{"__name__", "ALERTS"},
                  {"alertname", "A"},
                  {"alertstate", std::string(state)},
                  {"foo", "bar"},
                  {"rule", "A"}};
  }
  /// Of a series at the last evaluation; 0 if it has ended or never was.
  double Value(const Labels& labels) {
    const auto& samples = series_.all().at(series_.Ref(labels)).samples;
    if (samples.empty() || samples.back().t != at_ / kMillisecond) return 0;
    return IsStaleNan(samples.back().v) ? 0 : samples.back().v;
  }

  const Labels kMetric{{"__name__", "m"}, {"foo", "bar"}};
  const std::string kRule =
      "{alert: A, expr: m > 10, for: 1m, labels: {rule: A}, annotations: {is: '{{ $value }}'}}";
  Nanos at_ = 0;  ///< The last evaluation.
};

TEST_F(AlertGeneratorTest, FromInactiveOverPendingAndFiringToResolved) {
  StartRules(kRule);
  Evaluate({3, 5, 5, 9});
  EXPECT_EQ(State(), "inactive");
  Evaluate({11});
  EXPECT_EQ(State(), "pending");
  const Nanos active_at = at_;
  EXPECT_EQ(View(0).alerts[0].active_at, active_at);
  EXPECT_EQ(View(0).alerts[0].value, 11);
  Evaluate({11, 12, 13});
  EXPECT_EQ(State(), "pending") << "45 s are less than a minute";
  EXPECT_EQ(FindAnnotation(View(0).alerts[0].annotations, "is"), "13");
  EXPECT_TRUE(sink_.sent.empty()) << "nobody is told of pending alerts";
  Evaluate({14});
  EXPECT_EQ(State(), "firing") << "a minute is not less than a minute";
  const Nanos fired_at = at_;
  EXPECT_EQ(fired_at - active_at, kMinute);
  EXPECT_EQ(View(0).alerts[0].active_at, active_at);
  std::vector<Alert> sent = sink_.Take();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].labels, (Labels{{"alertname", "A"}, {"foo", "bar"}, {"rule", "A"}}));
  EXPECT_EQ(sent[0].annotations, (Annotations{{"is", "14"}}));
  EXPECT_EQ(sent[0].starts_at, fired_at);
  EXPECT_EQ(sent[0].ends_at, fired_at + 4 * kMinute);
  EXPECT_EQ(sent[0].generator_url, "http://tocsin:3200/graph?g0.expr=m+%3E+10&g0.tab=1");
  Evaluate({9});
  EXPECT_EQ(State(), "inactive");
  sent = sink_.Take();
  ASSERT_EQ(sent.size(), 1U) << "at once, whatever the resend delay";
  EXPECT_EQ(sent[0].starts_at, fired_at);
  EXPECT_EQ(sent[0].ends_at, at_);
}

TEST_F(AlertGeneratorTest, AFiringAlertIsSentAgainAfterMoreThanTheResendDelay) {
  StartRules("{alert: A, expr: m > 10, labels: {rule: A}}");
  Evaluate({11});
  const Nanos fired_at = at_;
  std::vector<Nanos> times;
  for (int i = 0; i < 20; ++i) {
    for (const Alert& alert : sink_.Take()) {
      times.push_back((at_ - fired_at) / kSecond);
      EXPECT_EQ(alert.starts_at, fired_at);
      EXPECT_EQ(alert.ends_at, at_ + 4 * kMinute);
    }
    Evaluate({11});
  }
  EXPECT_EQ(times, (std::vector<Nanos>{0, 75, 150, 225}));
}

TEST_F(AlertGeneratorTest, ALongIntervalMakesTheMessageHoldLonger) {
  StartRules("{alert: A, expr: m > 10}", "2m");
  Evaluate({11});
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].ends_at, at_ + 8 * kMinute);
}

TEST_F(AlertGeneratorTest, AResolvedAlertIsSentForFifteenMinutes) {
  StartRules("{alert: A, expr: m > 10, labels: {rule: A}}");
  Evaluate({11, 5});
  const Nanos resolved_at = at_;
  Nanos last = 0;
  size_t count = 0;
  sink_.Take();
  for (int i = 0; i < 100; ++i) {
    Evaluate({5});
    for (const Alert& alert : sink_.Take()) {
      EXPECT_EQ(alert.ends_at, resolved_at);
      last = at_;
      ++count;
    }
  }
  EXPECT_EQ(count, 12U) << "every 75 s";
  EXPECT_EQ(last - resolved_at, 15 * kMinute);
}

TEST_F(AlertGeneratorTest, AnAlertThatReturnsIsANewOneAndEndsTheOldOnesMessages) {
  StartRules("{alert: A, expr: m > 10, for: 30s, labels: {rule: A}}");
  Evaluate({11, 11, 11, 5});
  sink_.Take();
  Evaluate({11});
  const Nanos active_at = at_;
  EXPECT_EQ(State(), "pending");
  Evaluate({11});
  EXPECT_TRUE(sink_.sent.empty()) << "pending again: the resolved one is not told of";
  Evaluate({11});
  EXPECT_EQ(State(), "firing");
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].starts_at, at_);
  EXPECT_EQ(View(0).alerts[0].active_at, active_at);
}

TEST_F(AlertGeneratorTest, APendingAlertThatClearsIsToldToNobody) {
  StartRules(kRule);
  Evaluate({3, 11, 11, 11, 9, 9, 9, 9, 9});
  EXPECT_EQ(State(), "inactive");
  EXPECT_TRUE(sink_.sent.empty());
}

TEST_F(AlertGeneratorTest, ASeriesThatEndsResolvesItsAlert) {
  StartRules("{alert: A, expr: m > 10, labels: {rule: A}}");
  Evaluate({11, std::nullopt});
  EXPECT_EQ(View(0).state, "inactive");
  ASSERT_EQ(sink_.sent.size(), 2U);
  EXPECT_EQ(sink_.sent[1].ends_at, at_);
}

TEST_F(AlertGeneratorTest, WithoutForItFiresAtOnceAndIsNeverPending) {
  StartRules("{alert: A, expr: m > 10, labels: {rule: A}}");
  Evaluate({11});
  EXPECT_EQ(State(), "firing");
  EXPECT_EQ(series_.Last(AlertSeries("pending")), "none");
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].starts_at, at_);
}

TEST_F(AlertGeneratorTest, AForShorterThanTheIntervalFiresAtTheNextEvaluation) {
  StartRules("{alert: A, expr: m > 10, for: 5s, labels: {rule: A}}");
  Evaluate({11});
  EXPECT_EQ(State(), "pending");
  RunFor(10 * kSecond);
  EXPECT_EQ(View(0).state, "pending") << "not between two evaluations";
  Evaluate({11});
  EXPECT_EQ(State(), "firing");
}

TEST_F(AlertGeneratorTest, TheSeriesOfAnAlertCarriesItsStateAndItsBeginning) {
  StartRules(kRule);
  Evaluate({11});
  const Nanos active_at = at_;
  const Labels since{
      {"__name__", "ALERTS_FOR_STATE"}, {"alertname", "A"}, {"foo", "bar"}, {"rule", "A"}};
  EXPECT_EQ(Value(since), static_cast<double>(active_at / kSecond));
  Evaluate(11, 4);
  EXPECT_EQ(State(), "firing");
  EXPECT_EQ(Value(since), static_cast<double>(active_at / kSecond));
  EXPECT_EQ(series_.Last(AlertSeries("pending")), "stale") << "the series of the former state ends";
  Evaluate({9});
  EXPECT_EQ(series_.Last(AlertSeries("firing")), "stale");
  EXPECT_EQ(series_.Last(since), "stale");
}

TEST_F(AlertGeneratorTest, ALaterRuleOfTheGroupSeesTheAlertsOfTheSameEvaluation) {
  StartRules(
      "{record: doubled, expr: 2 * m}, {alert: A, expr: doubled > 10}, "
      "{alert: B, expr: 'ALERTS{alertname=\"A\", alertstate=\"firing\"} == 1'}");
  Evaluate({6});
  EXPECT_EQ(StateOf("A"), "firing");
  EXPECT_EQ(StateOf("B"), "firing");
  EXPECT_EQ(View(2).alerts.at(0).labels,
            (Labels{{"alertname", "B"}, {"alertstate", "firing"}, {"foo", "bar"}}))
      << "the name of the rule wins over the label, the metric's name is dropped";
  Evaluate({1});
  EXPECT_EQ(StateOf("A"), "none");
  EXPECT_EQ(StateOf("B"), "none") << "it ends in the same evaluation as well";
}

TEST_F(AlertGeneratorTest, ALabelNamedAlertstateIsReplacedInTheSeriesOnly) {
  StartRules("{alert: A, expr: m > 10, labels: {rule: A, alertstate: grave, alertname: other}}");
  Evaluate({11});
  EXPECT_EQ(series_.Last(AlertSeries("firing")), "1.000000");
  EXPECT_EQ(View(0).alerts.at(0).labels.Get("alertstate"), "grave");
  EXPECT_EQ(View(0).alerts.at(0).labels.Get("alertname"), "A");
}

TEST_F(AlertGeneratorTest, TemplatesOfLabelsWinOverTheLabelsOfTheElement) {
  StartRules("{alert: A, expr: m > 10, labels: {foo: 'was {{ $labels.foo }}', v: '{{ $value }}'}}");
  Evaluate({11});
  EXPECT_EQ(View(0).alerts.at(0).labels,
            (Labels{{"alertname", "A"}, {"foo", "was bar"}, {"v", "11"}}));
}

TEST_F(AlertGeneratorTest, TwoAlertsWithTheSameLabelsAreAnErrorAndNothingIsSentOrWritten) {
  StartRules("{alert: A, expr: m > 10, labels: {foo: same}}");
  series_.Add(Labels{{"__name__", "m"}, {"foo", "other"}}, next_ / kMillisecond - 1, 12);
  Evaluate({11});
  EXPECT_EQ(View(0).health, "err");
  EXPECT_EQ(View(0).last_error,
            "vector contains metrics with the same labelset after applying alert labels");
  EXPECT_TRUE(sink_.sent.empty());
  for (const promql::SeriesData& series : series_.all()) {
    EXPECT_EQ(series.labels.metric_name(), "m");
  }
}

TEST_F(AlertGeneratorTest, NewAlertsOfARuleGoTheirOwnWayInTheOrderOfTheRules) {
  StartRules(
      "{alert: A, expr: m > 10, for: 30s}, {alert: B, expr: m > 10}, {alert: C, expr: m > 99}");
  const Labels second{{"__name__", "m"}, {"foo", "two"}};
  Evaluate({11, 11});
  series_.Add(second, next_ / kMillisecond - 1, 20);
  Evaluate({11});
  std::map<std::string, std::string> states;
  const RuleView first = View(0);
  for (const AlertView& alert : first.alerts) {
    states[std::string(alert.labels.Get("foo"))] = alert.state;
  }
  EXPECT_EQ(states, (std::map<std::string, std::string>{{"bar", "firing"}, {"two", "pending"}}));
  EXPECT_EQ(View(0).name, "A");
  EXPECT_EQ(View(1).name, "B");
  EXPECT_EQ(View(2).name, "C");
  EXPECT_EQ(View(2).state, "inactive");
  EXPECT_EQ(View(1).alerts.size(), 2U);
}

TEST_F(AlertGeneratorTest, KeepFiringForHoldsAnAlertAndForgetsThatWhenItReturns) {
  StartRules("{alert: A, expr: m > 10, keep_firing_for: 1m, labels: {rule: A}}");
  Evaluate({11, 5, 5, 5});
  EXPECT_EQ(State(), "firing");
  EXPECT_TRUE(View(0).alerts[0].keep_firing_since.has_value());
  Evaluate({11});
  EXPECT_FALSE(View(0).alerts[0].keep_firing_since.has_value());
  Evaluate({5, 5, 5, 5});
  EXPECT_EQ(State(), "firing") << "the minute began anew";
  Evaluate({5});
  EXPECT_EQ(State(), "inactive");
}

TEST_F(AlertGeneratorTest, TheQueryOffsetShiftsSeriesButNotTheTimesOfAlerts) {
  Start("groups: [{name: g, interval: 15s, query_offset: 1m, rules: [{alert: A, expr: m > 10}]}]");
  series_.Add(kMetric, kStart / kMillisecond, 11);
  RunFor(kMinute + kTick);
  ASSERT_EQ(sink_.sent.size(), 1U);
  const Nanos at = View(0).last_evaluation;
  EXPECT_EQ(sink_.sent[0].starts_at, at);
  const Labels alerts{
      {"__name__", "ALERTS"}, {"alertname", "A"}, {"alertstate", "firing"}, {"foo", "bar"}};
  const auto& samples = series_.all().at(series_.Ref(alerts)).samples;
  ASSERT_FALSE(samples.empty());
  EXPECT_EQ(samples.back().t, (at - kMinute) / kMillisecond);
}

}  // namespace
}  // namespace tocsin::rules
