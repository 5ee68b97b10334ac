// Groups of rules under a virtual clock, with the real PromQL engine over series in memory: when
// they are evaluated, what they write, send and save, and what a restart or a reload leaves as it
// was.

#include "cpp/rules/manager.h"

#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "cpp/promql/engine.h"
#include "cpp/rules/engine_query.h"
#include "tests/unit/rules/fakes.h"

namespace tocsin::rules {
namespace {

constexpr Nanos kStart = 1'700'000'000 * kSecond;

std::string ShippedRules() {
  std::ifstream file(TOCSIN_SOURCE_DIR "/rules/tempo-alerts.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class ManagerTest : public testing::Test {
 protected:
  ManagerTest() : clock_(kStart), engine_(promql::EngineOptions(), clock_) {
    options_.external_url = "http://tocsin:3200";
  }

  /// A new process on the same store: everything in memory is gone.
  void Start(std::string_view text) {
    manager_ = std::make_unique<Manager>(
        options_, Ports{query_ ? query_ : EngineQuery(engine_, series_), series_, state_, sink_,
                        Telemetry::None(), clock_});
    Load(text);
  }
  void Load(std::string_view text) {
    auto file = ParseRuleFile("r.yaml", text);
    ASSERT_TRUE(file.has_value()) << file.error().ToString();
    std::vector<RuleFile> files;
    files.push_back(*std::move(file));
    ASSERT_TRUE(manager_->Load(std::move(files), clock_.Now()).ok());
    next_ = manager_->RunDue(clock_.Now());
  }

  /// Lets time pass up to `to`, running what becomes due; `tick` runs every 15 s before the rules.
  template <class Tick>
  void RunTo(Nanos to, const Tick& tick) {
    while (true) {
      const Nanos now = std::min(next_, next_tick_);
      if (now > to) break;
      clock_.Set(now);
      if (now == next_tick_) {
        tick(now);
        next_tick_ += 15 * kSecond;
      }
      next_ = manager_->RunDue(now);
    }
    clock_.Set(to);
  }
  void RunTo(Nanos to) {
    RunTo(to, [](Nanos) {});
  }
  void RunFor(Nanos duration) { RunTo(clock_.Now() + duration); }

  /// The state of the first alert of the named rule, or "none".
  std::string StateOf(std::string_view rule_name) const {
    for (const auto& group : manager_->Groups()) {
      for (const RuleView& rule : group->rules) {
        if (rule.name == rule_name) return rule.alerts.empty() ? "none" : rule.alerts[0].state;
      }
    }
    return "no such rule";
  }
  RuleView View(size_t rule, size_t group = 0) const {
    return manager_->Groups().at(group)->rules.at(rule);
  }

  VirtualClock clock_;
  promql::Engine engine_;
  FakeSeries series_;
  FakeState state_;
  FakeSink sink_;
  Options options_;
  QueryFunction query_;
  std::unique_ptr<Manager> manager_;
  Nanos next_ = 0;
  Nanos next_tick_ = kStart;
};

/// Calls of one service at 40 a tick, of which a share fails.
class ShippedRulesTest : public ManagerTest {
 protected:
  void Tick(Nanos now) {
    errors_ += failing_ ? 3 : 0;
    fine_ += failing_ ? 37 : 40;
    const Millis t = now / kMillisecond;
    for (const std::string_view service : {"payment", "cart"}) {
      const bool fails = service == "payment";
      series_.Add(Calls(service, "STATUS_CODE_ERROR"), t, fails ? errors_ : 0);
      series_.Add(Calls(service, "STATUS_CODE_UNSET"), t, fails ? fine_ : fine_ + errors_);
    }
    series_.Add(Labels{{"__name__", "up"}, {"job", "tempo"}}, t, 1);
  }
  static Labels Calls(std::string_view service, std::string_view status) {
    return Labels{{"__name__", "traces_spanmetrics_calls_total"},
                  {"service_name", std::string(service)},
                  {"status_code", std::string(status)}};
  }
  void Run(Nanos duration) {
    RunTo(clock_.Now() + duration, [this](Nanos now) { Tick(now); });
  }

  bool failing_ = false;
  double errors_ = 0;
  double fine_ = 0;
};

TEST_F(ShippedRulesTest, HighErrorRateIsPendingThenFiringThenResolved) {
  Start(ShippedRules());
  Run(10 * kMinute);
  EXPECT_EQ(StateOf("HighErrorRate"), "none");
  EXPECT_EQ(StateOf("TempoDown"), "none");
  ASSERT_EQ(sink_.calls, 0);

  failing_ = true;
  while (StateOf("HighErrorRate") == "none") Run(kSecond);
  const Nanos active_at = View(0).alerts.at(0).active_at;
  EXPECT_EQ(View(0).state, "pending");
  Run(5 * kMinute - 2 * kSecond);
  EXPECT_EQ(StateOf("HighErrorRate"), "pending");
  EXPECT_EQ(sink_.calls, 0);
  Run(2 * kSecond);
  EXPECT_EQ(StateOf("HighErrorRate"), "firing");
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(sink_.sent[0].labels, (Labels{{"alertname", "HighErrorRate"},
                                          {"service_name", "payment"},
                                          {"severity", "warning"}}));
  EXPECT_EQ(sink_.sent[0].starts_at, active_at + 5 * kMinute);
  EXPECT_EQ(sink_.sent[0].ends_at, sink_.sent[0].updated_at + 4 * kMinute);
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "summary"), "High error rate in payment");
  EXPECT_TRUE(sink_.sent[0].generator_url.starts_with(
      "http://tocsin:3200/graph?g0.expr=sum+by+%28service_name%29+%28rate%28"))
      << sink_.sent[0].generator_url;
  EXPECT_TRUE(sink_.sent[0].generator_url.ends_with("&g0.tab=1"));

  Run(5 * kMinute);  // Until the whole window has the same share of failures.
  EXPECT_EQ(FindAnnotation(sink_.sent.back().annotations, "description"), "Error rate is 7.5%");
  EXPECT_EQ(FindAnnotation(View(0).alerts.at(0).annotations, "description"), "Error rate is 7.5%");
  EXPECT_EQ(manager_->Alerts().size(), 1U);

  failing_ = false;
  sink_.Take();
  while (StateOf("HighErrorRate") != "none") Run(kSecond);
  ASSERT_FALSE(sink_.sent.empty());
  const Alert resolved = sink_.sent.back();
  EXPECT_EQ(resolved.ends_at, resolved.updated_at);
  EXPECT_EQ(resolved.starts_at, active_at + 5 * kMinute);
  EXPECT_TRUE(manager_->Alerts().empty());
}

TEST_F(ShippedRulesTest, TempoDownFiresWhenTheTargetIsDown) {
  Start(ShippedRules());
  const Labels up{{"__name__", "up"}, {"job", "tempo"}};
  RunTo(kStart + 6 * kMinute, [&](Nanos now) { series_.Add(up, now / kMillisecond, 0); });
  EXPECT_EQ(StateOf("TempoDown"), "firing");
  ASSERT_FALSE(sink_.sent.empty());
  EXPECT_EQ(sink_.sent[0].labels,
            (Labels{{"alertname", "TempoDown"}, {"job", "tempo"}, {"severity", "critical"}}));
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "summary"), "Tempo is down");
}

TEST_F(ShippedRulesTest, HighLatencyPrintsItsValueInFull) {
  Start(ShippedRules());
  double count = 0;
  RunTo(kStart + 12 * kMinute, [&](Nanos now) {
    count += 10;
    for (const auto& [le, share] : {std::pair{"1024", 0.0}, {"2048", 1.0}, {"+Inf", 1.0}}) {
      series_.Add(Labels{{"__name__", "traces_spanmetrics_latency_bucket"},
                         {"service_name", "slow"},
                         {"le", le}},
                  now / kMillisecond, count * share);
    }
  });
  EXPECT_EQ(StateOf("HighLatency"), "firing");
  EXPECT_EQ(FindAnnotation(sink_.sent.back().annotations, "description"),
            "P95 latency is 1996.8ms");
}

TEST_F(ShippedRulesTest, ARestartWhilePendingLosesNoTime) {
  failing_ = true;
  Start(ShippedRules());
  while (StateOf("HighErrorRate") == "none") Run(kSecond);
  const Nanos active_at = View(0).alerts.at(0).active_at;
  Run(4 * kMinute);
  Start(ShippedRules());
  EXPECT_EQ(StateOf("HighErrorRate"), "pending") << "before any evaluation";
  EXPECT_EQ(View(0).alerts.at(0).active_at, active_at);
  Run(active_at + 5 * kMinute - clock_.Now() - kSecond);
  EXPECT_EQ(StateOf("HighErrorRate"), "pending");
  Run(kSecond);
  EXPECT_EQ(StateOf("HighErrorRate"), "firing");
  EXPECT_EQ(sink_.sent.at(0).starts_at, active_at + 5 * kMinute);
}

TEST_F(ShippedRulesTest, ARestartWhileFiringDoesNotFlap) {
  failing_ = true;
  Start(ShippedRules());
  Run(12 * kMinute);
  ASSERT_EQ(StateOf("HighErrorRate"), "firing");
  const std::vector<AlertView> before = manager_->Alerts();
  const Nanos starts_at = sink_.sent.back().starts_at;
  sink_.Take();
  Start(ShippedRules());
  const std::vector<AlertView> after = manager_->Alerts();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].labels, before[0].labels);
  EXPECT_EQ(after[0].annotations, before[0].annotations);
  EXPECT_EQ(after[0].state, before[0].state);
  EXPECT_EQ(after[0].active_at, before[0].active_at);
  EXPECT_EQ(after[0].value, before[0].value);
  Run(30 * kSecond);
  ASSERT_EQ(sink_.sent.size(), 1U) << "who listens may have been away too";
  EXPECT_EQ(sink_.sent[0].starts_at, starts_at);
  EXPECT_GT(sink_.sent[0].ends_at, clock_.Now());
}

TEST_F(ShippedRulesTest, WhatIsResolvedDuringARestartIsTold) {
  failing_ = true;
  Start(ShippedRules());
  Run(12 * kMinute);
  failing_ = false;
  // The process is away while the series go on, until nothing of the failures is left.
  for (const Nanos back = clock_.Now() + 10 * kMinute; next_tick_ < back;) {
    Tick(next_tick_);
    next_tick_ += 15 * kSecond;
    clock_.Set(next_tick_);
  }
  sink_.Take();
  Start(ShippedRules());
  Run(kMinute);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_LE(sink_.sent[0].ends_at, clock_.Now());
}

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

TEST_F(ManagerTest, AReloadKeepsTheStateOfRulesThatStay) {
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

TEST_F(ManagerTest, AReloadEndsTheSeriesOfRulesThatGo) {
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

TEST_F(ManagerTest, OneGroupLoadedTwiceIsRefusedAndChangesNothing) {
  Start(kTwoRules);
  std::vector<RuleFile> files;
  files.push_back(*ParseRuleFile("a.yaml", kTwoRules));
  files.push_back(*ParseRuleFile("a.yaml", kTwoRules));
  const Status status = manager_->Load(std::move(files), clock_.Now());
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(manager_->Groups().size(), 1U);
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

}  // namespace
}  // namespace tocsin::rules
