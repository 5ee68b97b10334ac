// The state machine of an alerting rule, evaluation by evaluation, under times of the test's
// choosing.

#include "cpp/rules/alerting_rule.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::rules {
namespace {

RuleSpec Spec(Nanos hold, Nanos keep_firing_for = 0) {
  RuleSpec spec;
  spec.alerting = true;
  spec.name = "A";
  spec.hold = hold;
  spec.keep_firing_for = keep_firing_for;
  spec.labels.push_back({"severity", "", *tmpl::AlertTemplate::Parse("{{ $labels.job }}-warning")});
  spec.annotations.push_back({"text", "", *tmpl::AlertTemplate::Parse("is {{ $value }}")});
  return spec;
}

QuerySample Sample(std::string_view job, double value = 1) {
  return {Labels{{"__name__", "m"}, {"job", std::string(job)}}, value};
}

class AlertingRuleTest : public testing::Test {
 protected:
  void Use(RuleSpec spec) {
    specs_.push_back(std::make_unique<RuleSpec>(std::move(spec)));
    rule_.emplace(specs_.back().get());
  }
  /// Evaluates at a second, and returns the series that were written.
  std::vector<std::string> At(int second, std::vector<QuerySample> samples, size_t limit = 0) {
    const auto series = rule_->Update(samples, {}, second * kSecond, limit);
    if (!series.has_value()) return {std::string(series.error().message())};
    std::vector<std::string> lines;
    for (const auto& entry : *series) {
      lines.push_back(entry.labels.ToString() + " " +
                      std::to_string(static_cast<int>(entry.value)));
    }
    std::ranges::sort(lines);
    return lines;
  }
  /// "x:pending y:firing", in the order of the labels.
  std::string States() const {
    std::string text;
    for (const ActiveAlert& alert : rule_->Alerts()) {
      text.append(text.empty() ? "" : " ").append(alert.labels.Get("job")).append(":");
      text.append(AlertStateName(alert.state));
    }
    return text;
  }
  /// Jobs of the alerts that are due at a second.
  std::string Due(int second) {
    std::string text;
    for (const ActiveAlert& alert : rule_->TakeDue(second * kSecond, kMinute, 4 * kMinute)) {
      text.append(text.empty() ? "" : " ").append(alert.labels.Get("job"));
    }
    return text;
  }

  std::vector<std::unique_ptr<RuleSpec>> specs_;
  std::optional<AlertingRule> rule_;
};

TEST_F(AlertingRuleTest, LabelsAndAnnotationsAreExpanded) {
  Use(Spec(0));
  At(10, {Sample("x", 0.075)});
  const std::vector<ActiveAlert> alerts = rule_->Alerts();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].labels,
            (Labels{{"alertname", "A"}, {"job", "x"}, {"severity", "x-warning"}}));
  EXPECT_EQ(alerts[0].annotations, (Annotations{{"text", "is 0.075"}}));
  EXPECT_EQ(alerts[0].value, 0.075);
}

TEST_F(AlertingRuleTest, WithoutAHoldItFiresAtOnce) {
  Use(Spec(0));
  EXPECT_EQ(
      At(10, {Sample("x")}),
      (std::vector<std::string>{
          "ALERTS_FOR_STATE{alertname=\"A\", job=\"x\", severity=\"x-warning\"} 10",
          "ALERTS{alertname=\"A\", alertstate=\"firing\", job=\"x\", severity=\"x-warning\"} 1"}));
  EXPECT_EQ(rule_->Alerts()[0].fired_at, 10 * kSecond);
}

TEST_F(AlertingRuleTest, ItIsPendingForAsLongAsTheHold) {
  Use(Spec(5 * kMinute));
  for (int second = 0; second < 300; second += 30) {
    At(second, {Sample("x", second)});
    EXPECT_EQ(States(), "x:pending");
    EXPECT_EQ(Due(second), "");
  }
  At(300, {Sample("x", 7)});
  EXPECT_EQ(States(), "x:firing");
  const ActiveAlert alert = rule_->Alerts()[0];
  EXPECT_EQ(alert.active_at, 0);
  EXPECT_EQ(alert.fired_at, 300 * kSecond);
  EXPECT_EQ(alert.value, 7);
  EXPECT_EQ(FindAnnotation(alert.annotations, "text"), "is 7");
}

TEST_F(AlertingRuleTest, APendingAlertThatClearsIsForgottenWithoutNotice) {
  Use(Spec(kMinute));
  At(0, {Sample("x")});
  EXPECT_EQ(At(30, {}), std::vector<std::string>{});
  EXPECT_EQ(States(), "");
  EXPECT_EQ(Due(30), "");
  // And begins anew when it comes back.
  At(60, {Sample("x")});
  At(90, {Sample("x")});
  EXPECT_EQ(States(), "x:pending");
  At(120, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
}

TEST_F(AlertingRuleTest, AResolvedAlertIsKeptForFifteenMinutes) {
  Use(Spec(0));
  At(0, {Sample("x")});
  At(30, {});
  EXPECT_EQ(States(), "x:inactive");
  EXPECT_EQ(rule_->Alerts()[0].resolved_at, 30 * kSecond);
  At(930, {});
  EXPECT_EQ(States(), "x:inactive");
  At(931, {});
  EXPECT_EQ(States(), "");
}

TEST_F(AlertingRuleTest, AResolvedAlertThatReturnsIsANewOne) {
  Use(Spec(0));
  At(0, {Sample("x")});
  At(30, {});
  At(60, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
  EXPECT_EQ(rule_->Alerts()[0].active_at, 60 * kSecond);
  EXPECT_FALSE(rule_->Alerts()[0].resolved_at.has_value());
}

TEST_F(AlertingRuleTest, SendingIsRepeatedAfterTheDelayAndAtOnceWhenResolved) {
  Use(Spec(0));
  At(0, {Sample("x")});
  EXPECT_EQ(Due(0), "x");
  EXPECT_EQ(Due(30), "");
  EXPECT_EQ(Due(60), "") << "the delay must have passed, not just be reached";
  EXPECT_EQ(Due(90), "x");
  At(100, {});
  EXPECT_EQ(Due(100), "x");
  EXPECT_EQ(Due(130), "");
  EXPECT_EQ(Due(161), "x");
  EXPECT_EQ(rule_->Alerts()[0].valid_until, (161 + 240) * kSecond);
}

TEST_F(AlertingRuleTest, KeepFiringForBridgesAGap) {
  Use(Spec(0, kMinute));
  At(0, {Sample("x", 5)});
  At(30, {});
  EXPECT_EQ(States(), "x:firing");
  EXPECT_EQ(rule_->Alerts()[0].keep_firing_since, 30 * kSecond);
  At(60, {Sample("x")});
  EXPECT_FALSE(rule_->Alerts()[0].keep_firing_since.has_value());
  At(90, {});
  At(120, {});
  EXPECT_EQ(States(), "x:firing");
  EXPECT_EQ(At(149, {}).size(), 2U) << "it still has its series";
  EXPECT_EQ(At(150, {}).size(), 0U);
  EXPECT_EQ(States(), "x:inactive");
}

TEST_F(AlertingRuleTest, KeepFiringForDoesNothingForPendingAlerts) {
  Use(Spec(kMinute, kHour));
  At(0, {Sample("x")});
  At(30, {});
  EXPECT_EQ(States(), "");
}

TEST_F(AlertingRuleTest, TheSameLabelsTwiceAreAnErrorThatChangesNothing) {
  RuleSpec spec = Spec(0);
  spec.labels = {{"job", "same", *tmpl::AlertTemplate::Parse("same")}};
  Use(std::move(spec));
  At(0, {Sample("x")});
  EXPECT_EQ(At(30, {Sample("x"), Sample("y")}),
            std::vector<std::string>{
                "vector contains metrics with the same labelset after applying alert labels"});
  EXPECT_EQ(States(), "same:firing");
}

TEST_F(AlertingRuleTest, MoreThanTheLimitForgetsAll) {
  Use(Spec(0));
  At(0, {Sample("x"), Sample("y")}, 2);
  EXPECT_EQ(States(), "x:firing y:firing");
  EXPECT_EQ(At(30, {Sample("x"), Sample("y"), Sample("z")}, 2),
            std::vector<std::string>{"exceeded limit of 2 with 3 alerts"});
  EXPECT_EQ(States(), "");
}

TEST_F(AlertingRuleTest, ResolvedAlertsDoNotCountForTheLimit) {
  Use(Spec(0));
  At(0, {Sample("x")}, 1);
  EXPECT_EQ(At(30, {Sample("y")}, 1).size(), 2U);
  EXPECT_EQ(States(), "x:inactive y:firing");
}

TEST_F(AlertingRuleTest, ARaisedHoldMovesFiringBackToPending) {
  Use(Spec(kMinute));
  At(0, {Sample("x")});
  At(60, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
  AlertingRule former = std::move(*rule_);
  Use(Spec(5 * kMinute));
  rule_->CopyFrom(&former);
  At(90, {Sample("x")});
  EXPECT_EQ(States(), "x:pending");
  EXPECT_EQ(Due(90), "");
  At(300, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
  EXPECT_EQ(rule_->Alerts()[0].fired_at, 300 * kSecond);
}

/// A rule that is saved at one second and restored at another.
class RestoreTest : public AlertingRuleTest {
 protected:
  void Restart(RuleSpec spec, int saved_at, int now, const RestoreOptions& options = {}) {
    std::vector<ActiveAlert> saved = rule_->Alerts();
    Use(std::move(spec));
    rule_->Restore(std::move(saved), saved_at * kSecond, now * kSecond, options);
  }
};

TEST_F(RestoreTest, PendingGoesOnWhereItWas) {
  Use(Spec(5 * kMinute));
  for (int second = 0; second <= 240; second += 30) At(second, {Sample("x")});
  Restart(Spec(5 * kMinute), 240, 250);
  EXPECT_EQ(States(), "x:pending");
  At(270, {Sample("x")});
  EXPECT_EQ(States(), "x:pending");
  At(300, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
  EXPECT_EQ(rule_->Alerts()[0].active_at, 0);
}

TEST_F(RestoreTest, FiringGoesOnWithoutAFlapAndIsSentAgain) {
  Use(Spec(0, kMinute));
  At(0, {Sample("x"), Sample("y")});
  EXPECT_EQ(Due(0), "x y");
  At(30, {Sample("x")});
  Restart(Spec(0, kMinute), 30, 40);
  EXPECT_EQ(States(), "x:firing y:firing");
  At(60, {Sample("x")});
  EXPECT_EQ(States(), "x:firing y:firing") << "the time of keep_firing_for goes on as well";
  EXPECT_EQ(Due(60), "x y");
  At(90, {Sample("x")});
  EXPECT_EQ(States(), "x:firing y:inactive");
  EXPECT_EQ(rule_->Alerts()[0].fired_at, 0);
}

TEST_F(RestoreTest, ResolvedIsSentAgain) {
  Use(Spec(0));
  At(0, {Sample("x")});
  At(30, {});
  EXPECT_EQ(Due(30), "x");
  Restart(Spec(0), 30, 40);
  At(60, {});
  EXPECT_EQ(Due(60), "x");
  EXPECT_EQ(rule_->Alerts()[0].resolved_at, 30 * kSecond);
}

TEST_F(RestoreTest, PendingIsDroppedAfterALongOutageAndFiringIsNot) {
  Use(Spec(kMinute));
  At(0, {Sample("x")});
  At(60, {Sample("x"), Sample("y")});
  EXPECT_EQ(States(), "x:firing y:pending");
  Restart(Spec(kMinute), 60, 60 + 3601);
  EXPECT_EQ(States(), "x:firing");
}

TEST_F(RestoreTest, PrometheusDoesNotRestoreShortHolds) {
  const RestoreOptions options{.policy = RestorePolicy::kPrometheus};
  Use(Spec(5 * kMinute));
  for (int second = 0; second <= 240; second += 30) At(second, {Sample("x")});
  Restart(Spec(5 * kMinute), 240, 250, options);
  At(270, {Sample("x")});
  EXPECT_EQ(rule_->Alerts()[0].active_at, 270 * kSecond);
}

TEST_F(RestoreTest, PrometheusWaitsAtLeastTheGracePeriod) {
  const RestoreOptions options{.policy = RestorePolicy::kPrometheus};
  Use(Spec(20 * kMinute));
  for (int second = 0; second <= 720; second += 60) At(second, {Sample("x")});
  Restart(Spec(20 * kMinute), 720, 730, options);
  EXPECT_EQ(At(780, {Sample("x")}).size(), 0U) << "no series before it is restored";
  EXPECT_EQ(At(840, {Sample("x")}).size(), 0U);
  EXPECT_EQ(At(900, {Sample("x")}).size(), 2U);
  At(840 + 599, {Sample("x")});
  EXPECT_EQ(States(), "x:pending");
  At(840 + 600, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
}

TEST_F(RestoreTest, PrometheusDoesNotCountTheTimeAway) {
  const RestoreOptions options{.policy = RestorePolicy::kPrometheus};
  Use(Spec(kHour));
  for (int second = 0; second <= 600; second += 60) At(second, {Sample("x")});
  Restart(Spec(kHour), 600, 1190, options);
  At(1200, {Sample("x")});
  EXPECT_EQ(rule_->Alerts()[0].active_at, 1200 * kSecond);
  At(1260, {Sample("x")});
  EXPECT_EQ(rule_->Alerts()[0].active_at, 660 * kSecond);
}

TEST_F(RestoreTest, PrometheusFiresAgainWhatWasFiring) {
  const RestoreOptions options{.policy = RestorePolicy::kPrometheus};
  Use(Spec(20 * kMinute));
  for (int second = 0; second <= 1200; second += 60) At(second, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
  Restart(Spec(20 * kMinute), 1200, 1230, options);
  At(1260, {Sample("x")});
  EXPECT_EQ(States(), "x:pending");
  At(1320, {Sample("x")});
  EXPECT_EQ(States(), "x:pending");
  At(1380, {Sample("x")});
  EXPECT_EQ(States(), "x:firing");
  EXPECT_EQ(rule_->Alerts()[0].active_at, 0);
}

TEST_F(RestoreTest, PrometheusForgetsAfterTheOutageTolerance) {
  const RestoreOptions options{.policy = RestorePolicy::kPrometheus};
  Use(Spec(20 * kMinute));
  At(0, {Sample("x")});
  Restart(Spec(20 * kMinute), 0, 3601, options);
  At(3660, {Sample("x")});
  At(3720, {Sample("x")});
  EXPECT_EQ(rule_->Alerts()[0].active_at, 3660 * kSecond);
}

}  // namespace
}  // namespace tocsin::rules
