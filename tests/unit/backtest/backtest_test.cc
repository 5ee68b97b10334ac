// When rules would have fired, over stored series: computed by hand, compared with a live run over
// the same samples, and the two ways of asking compared with each other.

#include "cpp/backtest/backtest.h"

#include <algorithm>
#include <array>
#include <random>

#include <gmock/gmock.h>

#include "cpp/backtest/report.h"
#include "cpp/lib/json.h"
#include "cpp/rules/engine_query.h"
#include "cpp/rules/manager.h"
#include "tests/unit/backtest/world.h"
#include "tests/unit/model/fake_state.h"
#include "tests/unit/rules/fake_sink.h"

namespace tocsin::backtest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BacktestTest : public World {
 protected:
  /// When the first evaluation of the only group is, counted from the start.
  static Nanos FirstEvaluation(std::string_view text) {
    rules::FakeSink told;
    class Nothing : public SampleSink {
      SeriesRef Ref(const Labels& /*labels*/) override { return 0; }
      Result<AppendOutcome> Append(const SampleBatch& /*batch*/) override {
        return AppendOutcome();
      }
      void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}
    } nothing;
    FakeState state;
    rules::Manager manager({}, {nullptr, nothing, state, told, Telemetry::None(), Clock::Real()});
    EXPECT_TRUE(manager.Load(Files(text), kStart - 1).ok());
    return manager.RunDue(kStart - 1) - kStart;
  }

  /// A gauge every 15 s, `values` from the start on.
  void AddGauge(const Labels& labels, const std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      Add(labels, static_cast<Nanos>(i) * 15 * kSecond, values[i]);
    }
  }
};

const Labels kQueue{{"__name__", "queue"}, {"shard", "a"}};

TEST_F(BacktestTest, PeriodsAreThoseComputedByHand) {
  const std::string kRules = Group("15s", R"(
  - alert: Long
    expr: queue > 5
    for: 30s
    keep_firing_for: 1m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.shard }} has {{ $value }}"}
)");
  const Nanos phase = FirstEvaluation(kRules);
  ASSERT_GE(phase, 0);
  ASSERT_LT(phase, 15 * kSecond);
  //               0  15  30  45  60  75 90 105 120 135 150 165 180 195 210 225
  AddGauge(kQueue, {1, 6, 7, 8, 9, 1, 1, 1, 1, 1, 1, 6, 1, 1, 1, 1});
  const Report report = RunFor(kRules, 225 * kSecond - kMillisecond);
  const auto at = [&](int seconds) { return std::to_string(seconds + phase / kSecond); };
  // It begins at 15, fires 30 s later at 45, ends at 75, is kept as firing for a minute from then
  // on; at 165 it begins again and is gone at 180.
  EXPECT_THAT(Texts(report),
              ElementsAre("Long{severity=\"page\", shard=\"a\"} " + at(15) + " " + at(45) + " " +
                              at(135) + " value 8 peak 9 of 8 summary=a has 8",
                          "Long{severity=\"page\", shard=\"a\"} " + at(165) + " - " + at(180) +
                              " value 6 peak 6 of 1 summary=a has 6"));
  ASSERT_EQ(report.rules.size(), 1U);
  EXPECT_EQ(report.rules[0].evaluations, 15U);
  EXPECT_EQ(report.rules[0].failures, 0U);
  EXPECT_EQ(report.rules[0].queries, 1U);
  EXPECT_THAT(report.warnings, IsEmpty());
}

TEST_F(BacktestTest, TheWholeOfTimeIsRefusedAtOnce) {
  const std::string kRules = Group("1m", "\n  - {record: a, expr: vector(1)}\n");
  Options options;
  options.to = kStart;
  const auto report = TryRun(kRules, options);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(report.error().message()),
              HasSubstr("would evaluate groups of rules 28333440 times"));
  // What is evaluated once in a year may be asked for.
  options.to = options.from + 10 * 365 * kDay;
  EXPECT_TRUE(TryRun(Group("1y", "\n  - {record: a, expr: vector(1)}\n"), options).has_value());
}

TEST_F(BacktestTest, WhatAStoreWouldRefuseFailsTheRule) {
  AddGauge(kQueue, std::vector<double>(20, 9));
  // Whether or not a rule reads what is recorded.
  for (const std::string_view reader : {"vector(0)", "twice"}) {
    const std::string rules = Group("30s", R"(
  - {record: twice, expr: sum(queue)}
  - {record: twice, expr: sum(queue) + 1}
  - {record: same, expr: sum(queue)}
  - {record: same, expr: sum(queue)}
  - {alert: Read, expr: )" + std::string(reader) +
                                               " == 9}\n");
    const Report report = RunFor(rules, 2 * kMinute - kMillisecond);
    ASSERT_EQ(report.rules.size(), 5U);
    EXPECT_EQ(report.rules[0].failures, 0U);
    EXPECT_EQ(report.rules[1].failures, 4U);
    EXPECT_THAT(report.rules[1].last_error,
                HasSubstr("duplicate sample for timestamp: series twice"));
    EXPECT_EQ(report.rules[3].failures, 0U);
    EXPECT_EQ(report.periods.size(), reader == "twice" ? 1U : 0U) << "the first value stays";
  }
}

TEST_F(BacktestTest, WhatIsActiveAtTheEndIsNotResolved) {
  AddGauge(kQueue, std::vector<double>(20, 9));
  const std::string kRules = Group("30s", R"(
  - {alert: Long, expr: queue > 5}
  - {alert: Longer, expr: queue > 5, for: 1h}
)");
  const Report report = RunFor(kRules, 5 * kMinute);
  ASSERT_EQ(report.periods.size(), 2U);
  EXPECT_TRUE(report.periods[0].firing_since.has_value());
  EXPECT_FALSE(report.periods[0].resolved_at.has_value());
  EXPECT_FALSE(report.periods[1].firing_since.has_value());
  EXPECT_FALSE(report.periods[1].resolved_at.has_value());
}

TEST_F(BacktestTest, LaterRulesSeeWhatEarlierOnesRecordAndAlerts) {
  AddGauge(kQueue, std::vector<double>(20, 9));
  const std::string kRules = Group("15s", R"(
  - {record: "queue:double", expr: queue * 2}
  - {alert: Long, expr: "queue:double > 17"}
  - {alert: AlertedOn, expr: 'ALERTS{alertname="Long"}'}
  - {alert: Else, expr: 'ALERTS{alertname="Somebody"}'}
)");
  // What a live process of before recorded does not count from the start on.
  Add(Labels{{"__name__", "queue:double"}, {"shard", "old"}}, 5 * kSecond, 1000);
  Add(Labels{{"__name__", "ALERTS"}, {"alertname", "Somebody"}}, 5 * kSecond, 1);
  const Report report = RunFor(kRules, 5 * kMinute);
  std::vector<std::string> alerts;
  for (const AlertPeriod& period : report.periods) {
    alerts.push_back(period.alert + " " + std::string(period.labels.Get("shard")));
  }
  EXPECT_THAT(alerts, ElementsAre("Long a", "AlertedOn a", "Else "));
  ASSERT_EQ(report.rules.size(), 4U);
  EXPECT_LT(report.rules[0].queries, 3U);
  EXPECT_GT(report.rules[1].queries, 15U);
}

TEST_F(BacktestTest, AQueryOffsetLooksBack) {
  constexpr std::string_view kRules = R"(
groups:
- {name: g, interval: 15s, query_offset: 1m, rules: [{alert: Long, expr: queue > 5}]}
)";
  AddGauge(kQueue, {1, 1, 9, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  const Nanos phase = FirstEvaluation(kRules);
  const Report report = RunFor(kRules, 200 * kSecond);
  ASSERT_EQ(report.periods.size(), 1U);
  EXPECT_EQ(report.periods[0].pending_since, kStart + phase + 90 * kSecond);
  EXPECT_EQ(report.periods[0].resolved_at, kStart + phase + 120 * kSecond);
}

TEST_F(BacktestTest, ARuleThatFailsNowAndThenIsReportedAndTheOthersGoOn) {
  AddGauge(kQueue, std::vector<double>(20, 9));
  // Two series on the right side for some time: many-to-one matching fails there.
  AddGauge(Labels{{"__name__", "limit"}, {"shard", "a"}, {"of", "x"}}, std::vector<double>(20, 5));
  for (int i = 8; i < 12; ++i) {
    Add(Labels{{"__name__", "limit"}, {"shard", "a"}, {"of", "y"}}, i * 15 * kSecond, 5);
  }
  Add(Labels{{"__name__", "limit"}, {"shard", "a"}, {"of", "y"}}, 12 * 15 * kSecond, StaleNan());
  const std::string kRules = Group("15s", R"(
  - {alert: Over, expr: queue > on (shard) limit}
  - {alert: Long, expr: queue > 5}
)");
  Options slow;
  slow.step_by_step = true;
  const Report report = RunFor(kRules, 280 * kSecond);
  const Report stepwise = RunFor(kRules, 280 * kSecond, slow);
  EXPECT_EQ(Texts(report), Texts(stepwise));
  ASSERT_EQ(report.rules.size(), 2U);
  EXPECT_GE(report.rules[0].failures, 3U);
  EXPECT_EQ(report.rules[0].failures, stepwise.rules[0].failures);
  EXPECT_THAT(report.rules[0].last_error, HasSubstr("many-to-many"));
  EXPECT_EQ(report.rules[1].failures, 0U);
  EXPECT_EQ(report.rules[1].queries, 1U);
}

TEST_F(BacktestTest, AMetricWithoutDataIsWarnedOf) {
  AddGauge(kQueue, {1, 1, 1});
  const Report report = RunFor(R"(
groups: [{name: g, rules: [{alert: A, expr: "queue > 5 and nothing_here > 1"}]}]
)",
                               5 * kMinute);
  EXPECT_THAT(report.warnings, ElementsAre("metric nothing_here has no data in the range"));
  ASSERT_EQ(report.origins.size(), 2U);
  EXPECT_EQ(report.origins[0].metric, "nothing_here");
  EXPECT_EQ(report.origins[0].source, MetricOrigin::Source::kNone);
  EXPECT_EQ(report.origins[1].source, MetricOrigin::Source::kStored);
}

TEST_F(BacktestTest, NothingIsWritten) {
  AddGauge(kQueue, std::vector<double>(20, 9));
  RunFor(R"(
groups: [{name: g, rules: [{record: made, expr: queue}, {alert: A, expr: made > 1}]}]
)",
         5 * kMinute);
  for (const char* metric : {"made", "ALERTS", "ALERTS_FOR_STATE"}) {
    const promql::Matcher name{promql::Matcher::Op::kEqual, "__name__", metric, std::nullopt};
    EXPECT_THAT(engine_->series().MatchSeries({&name, 1}, 0, INT64_MAX, 0), IsEmpty()) << metric;
  }
}

TEST_F(BacktestTest, BoundsAndNonsenseAreErrors) {
  AddGauge(kQueue, std::vector<double>(20, 9));
  constexpr std::string_view kRules = R"(
groups: [{name: g, interval: 15s, rules: [{record: made, expr: queue}, {alert: A, expr: made > 1}]}]
)";
  Options options;
  options.from = kStart;
  options.to = kStart - kHour;
  EXPECT_EQ(TryRun(kRules, options).error().code(), StatusCode::kInvalidArgument);
  options.to = kStart + 5 * kMinute;
  options.max_evaluations = 1;
  EXPECT_THAT(std::string(TryRun(kRules, options).error().message()),
              HasSubstr("times, and 1 are the most: shorten the time"));
  options.max_evaluations = 10'000'000;
  options.max_periods = 0;
  EXPECT_EQ(TryRun(kRules, options).error().code(), StatusCode::kResourceExhausted);
  options.max_periods = 10;
  options.max_samples = 10;
  EXPECT_EQ(TryRun(kRules, options).error().code(), StatusCode::kResourceExhausted);
  options.max_samples = 1000;
  EXPECT_TRUE(TryRun(kRules, options).has_value());
  int asked = 0;
  options.interrupted = [&asked] { return ++asked > 3 ? CancelledError("enough") : Status(); };
  EXPECT_EQ(TryRun(kRules, options).error().code(), StatusCode::kCancelled);
}

TEST_F(BacktestTest, TheReportIsATableAndJson) {
  AddGauge(kQueue, {1, 1, 9, 9, 9, 1, 1, 1});
  const Report report = RunFor(R"(
groups: [{name: g, interval: 15s, rules: [{alert: A, expr: queue > 5, annotations: {a: "<b>"}}]}]
)",
                               100 * kSecond);
  const auto table = PeriodTable(report);
  ASSERT_EQ(table->rows(), 1);
  EXPECT_EQ(table->columns()[0].StringAt(0), "A");
  EXPECT_EQ(table->columns()[1].StringAt(0), R"({"alertname":"A","shard":"a"})");
  EXPECT_EQ(table->columns()[4].IntAt(0), *report.periods[0].firing_since);
  const auto json = lib::Json::Parse(ReportJson(report));
  ASSERT_TRUE(json.has_value());
  ASSERT_EQ(json->Find("alerts")->array.size(), 1U);
  EXPECT_EQ(json->Find("alerts")->array[0].Find("value")->StringOr(""), "9");
  EXPECT_EQ(json->Find("metrics")->array[0].Find("source")->StringOr(""), "stored");
}

// Rules of every kind over random gauges and counters with gaps.
constexpr std::string_view kManyRules = R"yaml(
groups:
- name: first
  interval: 30s
  labels: {team: t}
  rules:
  - {record: "s:rate", expr: "sum by (shard) (rate(requests_total[2m]))"}
  - {alert: Slow, expr: "s:rate < 0.5", for: 1m}
  - {alert: Busy, expr: "avg_over_time(queue[90s]) > 5", for: 90s, keep_firing_for: 2m,
     labels: {severity: '{{ if gt $value 7.0 }}page{{ else }}warn{{ end }}'},
     annotations: {all: '{{ query "count(queue)" | first | value }} of {{ $labels.shard }}'}}
  - {alert: Gone, expr: 'absent(queue{shard="a"})'}
  - {alert: Trend, expr: "deriv(queue[3m]) > 0.02 unless on (shard) s:rate > 1"}
- name: second
  interval: 45s
  query_offset: 20s
  limit: 3
  rules:
  - {alert: Many, expr: "topk(2, queue) > 3", for: 45s}
  - {alert: Both, expr: 'count(ALERTS{alertstate="firing"}) > 2'}
  - {alert: Fails, expr: "queue / on () queue > 1"}
  - {alert: Subquery, expr: "max_over_time((sum(queue) > 12)[5m:30s]) > 15"}
  - {alert: End, expr: "queue @ end() > 8"}
)yaml";

class RandomBacktestTest : public BacktestTest, public testing::WithParamInterface<uint32_t> {
 protected:
  /// What happens at a tick of 15 s.
  void Tick(int tick) {
    for (size_t i = 0; i < level_.size(); ++i) {
      const std::string shard(1, static_cast<char>('a' + i));
      if (random_() % 7 == 0 || (gone_ && i == 0)) continue;
      level_[i] = std::clamp(level_[i] + static_cast<int>(random_() % 5) - 2, 0, 10);
      count_[i] += level_[i] * 3;
      Add(Labels{{"__name__", "queue"}, {"shard", shard}}, tick * 15 * kSecond, level_[i]);
      Add(Labels{{"__name__", "requests_total"}, {"shard", shard}}, tick * 15 * kSecond, count_[i]);
    }
    if (random_() % 40 == 0) gone_ = !gone_;
  }

  std::mt19937 random_{GetParam()};
  std::array<int, 3> level_{4, 4, 4};
  std::array<int, 3> count_{};
  bool gone_ = false;
};

TEST_P(RandomBacktestTest, SaysWhatALiveRunHasDone) {
  constexpr int kTicks = 400;
  rules::FakeSink told;
  FakeState state;
  rules::Manager manager({}, {rules::EngineQuery(engine_->promql(), engine_->series()),
                              engine_->series(), state, told, Telemetry::None(), clock_});
  ASSERT_TRUE(manager.Load(Files(kManyRules), kStart - 1).ok());
  AlertPeriods live(manager.Groups(), 100'000);
  Nanos due = manager.RunDue(kStart - 1);
  for (int tick = 0; tick < kTicks; ++tick) {
    // What is due at the time of a sample sees it.
    for (; due < kStart + tick * 15 * kSecond;) {
      const Nanos now = due;
      clock_.Set(now);
      due = manager.RunDue(now);
      ASSERT_TRUE(live.Look(manager.Groups(), now).ok());
    }
    Tick(tick);
  }
  const Nanos end = due - 1;
  const std::vector<std::string> was = Texts(live.TakePeriods());
  EXPECT_GT(was.size(), 20U);

  const Report report = RunFor(kManyRules, end - kStart);
  EXPECT_EQ(Texts(report), was);
  const std::vector<RuleReport> reports = live.TakeReports();
  ASSERT_EQ(report.rules.size(), reports.size());
  for (size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(report.rules[i].evaluations, reports[i].evaluations) << reports[i].name;
    EXPECT_EQ(report.rules[i].failures, reports[i].failures) << reports[i].name;
  }

  Options slow;
  slow.step_by_step = true;
  EXPECT_EQ(Texts(RunFor(kManyRules, end - kStart, slow)), was);

  // On disk and in memory are the same.
  ASSERT_TRUE(engine_->Flush().ok());
  Open();
  EXPECT_EQ(Texts(RunFor(kManyRules, end - kStart)), was);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomBacktestTest, testing::Range(1U, 6U));

}  // namespace
}  // namespace tocsin::backtest
