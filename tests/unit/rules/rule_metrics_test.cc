// What groups count about themselves, under Prometheus's names and labels.

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/rules/fake_telemetry.h"
#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

class RuleMetricsTest : public ManagerTest {
 protected:
  void StartCounted(std::string_view text) {
    manager_ = std::make_unique<Manager>(
        options_,
        Ports{EngineQuery(engine_, series_), series_, state_, sink_, telemetry_, clock_, nullptr});
    Load(text);
  }
  double OfGroup(const std::string& name, const std::string& group = "r.yaml;g") const {
    return telemetry_.Value("prometheus_rule_" + name + "{rule_group=" + group + "}");
  }

  FakeTelemetry telemetry_;
};

constexpr std::string_view kGroup = R"(groups:
- name: g
  interval: 30s
  rules:
  - {record: a, expr: vector(1)}
  - {record: b, expr: 'a + on() c'}
  - {alert: C, expr: vector(1)}
)";

TEST_F(RuleMetricsTest, AGroupThatIsLoadedIsCountedAtOnce) {
  StartCounted(kGroup);
  EXPECT_EQ(OfGroup("group_rules"), 3);
  EXPECT_EQ(OfGroup("group_interval_seconds"), 30);
  EXPECT_EQ(OfGroup("evaluations_total"), 0);
  EXPECT_EQ(OfGroup("evaluation_failures_total"), 0);
  EXPECT_EQ(OfGroup("group_iterations_total"), 0);
  EXPECT_EQ(OfGroup("group_iterations_missed_total"), 0);
  EXPECT_GE(OfGroup("group_last_restore_duration_seconds"), 0);
  EXPECT_GE(OfGroup("group_last_rule_duration_sum_seconds"), 0);
}

TEST_F(RuleMetricsTest, EvaluationsFailuresAndSamplesAreCounted) {
  StartCounted(kGroup);
  for (const char* job : {"x", "y"}) {
    series_.Add(Labels{{"__name__", "c"}, {"job", job}}, kStart / kMillisecond, 1);
  }
  const Nanos due = next_;
  RunTo(due);
  EXPECT_EQ(OfGroup("evaluations_total"), 3);
  EXPECT_EQ(OfGroup("evaluation_failures_total"), 1) << "many-to-many";
  EXPECT_EQ(OfGroup("group_iterations_total"), 1);
  EXPECT_EQ(OfGroup("group_last_evaluation_samples"), 3) << "a, ALERTS and ALERTS_FOR_STATE";
  EXPECT_EQ(OfGroup("group_last_evaluation_timestamp_seconds"),
            static_cast<double>(due) / static_cast<double>(kSecond));
  EXPECT_EQ(telemetry_.Value("prometheus_rule_evaluation_duration_histogram_seconds"), 3);
  EXPECT_EQ(telemetry_.Value("prometheus_rule_group_duration_histogram_seconds"), 1);
}

TEST_F(RuleMetricsTest, MissedIterationsAreCountedAmongThoseThatWereDue) {
  StartCounted(kGroup);
  clock_.Set(next_ + 100 * kSecond);
  manager_->RunDue(clock_.Now());
  EXPECT_EQ(OfGroup("group_iterations_total"), 4);
  EXPECT_EQ(OfGroup("group_iterations_missed_total"), 3);
}

TEST_F(RuleMetricsTest, AGroupThatIsGoneHasNoRules) {
  StartCounted(kGroup);
  Load("groups: []");
  EXPECT_EQ(OfGroup("group_rules"), 0);
}

}  // namespace
}  // namespace tocsin::rules
