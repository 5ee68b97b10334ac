/// A router under a virtual clock, whose notifications go to a fake that answers as the test says.

#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/alerting/router.h"
#include "cpp/lib/json.h"
#include "tests/unit/model/fake_state.h"

namespace tocsin::alerting {

inline constexpr Nanos kStart = 1'700'000'000 * kSecond;

/// What a webhook's answer of that status comes to.
inline NotifyOutcome Answer(const Status& status) {
  NotifyOutcome outcome;
  outcome.status = status;
  outcome.worth_another_try =
      status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDeadlineExceeded;
  return outcome;
}

inline NotifyOutcome Busy(Nanos retry_after) {
  NotifyOutcome outcome = Answer(UnavailableError("429"));
  outcome.reason = FailureReason::kRateLimited;
  outcome.retry_after = retry_after;
  return outcome;
}

class FakeNotifier : public Notifier {
 public:
  NotifyOutcome Notify(const Notification& notification) override {
    const std::lock_guard lock(mutex_);
    attempts.push_back(notification);
    if (clock != nullptr) clock->Advance(takes);
    if (answers.empty()) return Answer(otherwise);
    const NotifyOutcome answer = answers.front();
    answers.erase(answers.begin());
    return answer;
  }

  std::vector<NotifyOutcome> answers;  ///< To the next notifications, one each.
  Status otherwise;                    ///< To those after them.
  VirtualClock* clock = nullptr;
  Nanos takes = 0;  ///< How long each delivery takes.
  std::vector<Notification> attempts;

 private:
  std::mutex mutex_;
};

/// "firing: a+ b-" of a payload: the state of the group, then each alert's job and whether it
/// fires.
inline std::string Summary(const Notification& notification) {
  const auto json = lib::Json::Parse(notification.body);
  if (!json.has_value()) return "no JSON";
  std::string text(json->Find("status")->string);
  text.append(":");
  for (const lib::Json& alert : json->Find("alerts")->array) {
    text.append(" ").append(alert.Find("labels")->Find("job")->string);
    text.append(alert.Find("status")->string == "firing" ? "+" : "-");
  }
  return text;
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() : clock_(kStart), silences_({}, &silence_state_, &Telemetry::None()) {
    config_.route.receiver = "hook";
    config_.route.group_by = {"alertname"};
    config_.route.group_wait = 30 * kSecond;
    config_.route.group_interval = 5 * kMinute;
    config_.route.repeat_interval = kHour;
    config_.receivers = {Hook("hook", 1)};
  }

  /// A new process on the same store.
  void Start() {
    auto made = Router::Make(config_, options_, PortsWith(notifier_));
    ASSERT_TRUE(made.has_value()) << made.error().message();
    router_ = *std::move(made);
    ASSERT_TRUE(router_->Restore(clock_.Now()).ok());
  }
  Ports PortsWith(Notifier& notifier) {
    return {notifier, state_, silences_, Telemetry::None(), clock_};
  }

  /// A receiver with so many webhooks.
  static routing::Receiver Hook(std::string name, size_t webhooks) {
    routing::Receiver receiver;
    receiver.name = std::move(name);
    receiver.webhooks.resize(webhooks);
    for (routing::Webhook& webhook : receiver.webhooks) webhook.url.value = "http://hook/";
    return receiver;
  }

  Alert Firing(std::string_view job, std::string_view name = "A") const {
    Alert alert;
    alert.labels = Labels{{"alertname", std::string(name)}, {"job", std::string(job)}};
    alert.starts_at = clock_.Now();
    alert.updated_at = clock_.Now();
    alert.ends_at = clock_.Now() + 4 * kMinute;
    return alert;
  }
  Alert Resolved(std::string_view job, std::string_view name = "A") const {
    Alert alert = Firing(job, name);
    alert.starts_at = kStart;
    alert.ends_at = clock_.Now();
    return alert;
  }
  void Receive(std::vector<Alert> alerts) {
    EXPECT_TRUE(router_->Receive(alerts, clock_.Now()).ok());
  }

  /// Lets time pass, running the router whenever it is due. Alerts named in `held_` are said to
  /// fire every minute, as rules do.
  void RunFor(Nanos duration) {
    const Nanos end = clock_.Now() + duration;
    Nanos due = router_->RunDue(clock_.Now());
    while (true) {
      const Nanos say = clock_.Now() - (clock_.Now() - kStart) % kMinute + kMinute;
      const Nanos next = std::min(due, held_.empty() ? kNever : say);
      if (next > end) break;
      clock_.Set(next);
      if (next == say) {
        for (const Alert& alert : held_) {
          Alert again = alert;
          again.updated_at = next;
          again.ends_at = next + 4 * kMinute;
          Receive({again});
        }
      }
      due = router_->RunDue(clock_.Now());
    }
    clock_.Set(end);
  }
  void Hold(std::vector<Alert> alerts) {
    Receive(alerts);
    held_ = std::move(alerts);
  }

  /// What was sent since the last call, and when: "30 firing: a+".
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const Notification& notification : std::exchange(notifier_.attempts, {})) {
      told.push_back(Summary(notification));
    }
    return told;
  }
  using Lines = std::vector<std::string>;

  VirtualClock clock_;
  routing::Config config_;
  Options options_;
  FakeNotifier notifier_;
  FakeState state_;
  FakeState silence_state_;
  Silences silences_;
  std::unique_ptr<Router> router_;
  std::vector<Alert> held_;
};

}  // namespace tocsin::alerting
