// The rules that are shipped, unmodified, from load to alert under a virtual clock.

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

std::string ShippedRules() {
  std::ifstream file(TOCSIN_SOURCE_DIR "/rules/tempo-alerts.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

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

}  // namespace
}  // namespace tocsin::rules
