// The router under a virtual clock: who is told what and when, what is tried again, and what a
// restart does not change. No sockets: notifications go to a fake that answers as the test says.

#include "cpp/alerting/router.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/lib/json.h"
#include "tests/unit/model/fake_state.h"

namespace tocsin::alerting {
namespace {

constexpr Nanos kStart = 1'700'000'000 * kSecond;

class FakeNotifier : public Notifier {
 public:
  Status Notify(const Notification& notification) override {
    const std::lock_guard lock(mutex_);
    attempts.push_back(notification);
    if (answers.empty()) return otherwise;
    const Status answer = answers.front();
    answers.erase(answers.begin());
    return answer;
  }

  std::vector<Status> answers;  ///< To the next notifications, one each.
  Status otherwise;             ///< To those after them.
  std::vector<Notification> attempts;

 private:
  std::mutex mutex_;
};

/// "firing: a+ b-" of a payload: the state of the group, then each alert's job and whether it
/// fires.
std::string Summary(const Notification& notification) {
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
  RouterTest() : clock_(kStart) {
    config_.route.receiver = "hook";
    config_.route.group_by = {"alertname"};
    config_.route.group_wait = 30 * kSecond;
    config_.route.group_interval = 5 * kMinute;
    config_.route.repeat_interval = kHour;
    config_.receivers = {{"hook", {{"http://hook/1", true}}}};
  }

  /// A new process on the same store.
  void Start() {
    ASSERT_TRUE(Validate(config_).ok());
    router_ = std::make_unique<Router>(config_, options_,
                                       Ports{notifier_, state_, Telemetry::None(), clock_});
    ASSERT_TRUE(router_->Restore(clock_.Now()).ok());
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
  Config config_;
  Options options_;
  FakeNotifier notifier_;
  FakeState state_;
  std::unique_ptr<Router> router_;
  std::vector<Alert> held_;
};

TEST_F(RouterTest, ANewGroupIsToldAfterTheGroupWait) {
  Start();
  EXPECT_EQ(router_->NextDue(), kNever);
  Hold({Firing("a")});
  EXPECT_EQ(router_->NextDue(), kStart + 30 * kSecond);
  RunFor(29 * kSecond);
  EXPECT_EQ(Told(), Lines{});
  Receive({Firing("b")});
  RunFor(kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, ThePayloadNamesTheGroup) {
  options_.external_url = "http://tocsin:3200";
  Start();
  Receive({Firing("a")});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].url, "http://hook/1");
  const auto json = lib::Json::Parse(notifier_.attempts[0].body);
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(json->Find("receiver")->string, "hook");
  EXPECT_EQ(json->Find("groupKey")->string, "{}:{alertname=\"A\"}");
  EXPECT_EQ(json->Find("groupLabels")->Find("alertname")->string, "A");
  EXPECT_EQ(json->Find("externalURL")->string, "http://tocsin:3200");
  EXPECT_EQ(json->Find("version")->string, "4");
}

TEST_F(RouterTest, AnAlertThatBeganLongAgoIsToldAtOnce) {
  Start();
  Alert old = Firing("a");
  old.starts_at = kStart - kMinute;
  Receive({old});
  RunFor(0);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(RouterTest, AnOldAlertHurriesAGroupThatWaits) {
  Start();
  Receive({Firing("a")});
  Alert old = Firing("b");
  old.starts_at = kStart - kMinute;
  Receive({old});
  RunFor(0);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, ChangesAreToldAtTheNextLook) {
  Start();
  const Alert a = Firing("a");
  Hold({a});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  Hold({a, Firing("b")});
  RunFor(4 * kMinute);
  EXPECT_EQ(Told(), Lines{}) << "only looks tell, 30 s + 5 m";
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, WithoutChangesItIsRepeatedAfterTheRepeatInterval) {
  Start();
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  RunFor(kHour - kSecond);
  EXPECT_EQ(Told(), Lines{});
  RunFor(kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  RunFor(kHour);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(RouterTest, ARepeatWaitsForALook) {
  config_.route.repeat_interval = 7 * kMinute;
  Start();
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  Told();
  RunFor(10 * kMinute - kSecond);
  EXPECT_EQ(Told(), Lines{});
  RunFor(kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(RouterTest, ResolvedIsToldOnceAndForgotten) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  held_.clear();
  Receive({Resolved("a")});
  RunFor(10 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
  EXPECT_EQ(router_->NextDue(), kNever);
  // Rules go on to say so for a while.
  Receive({Resolved("a")});
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(RouterTest, OneResolvedOfTwoIsToldOnce) {
  Start();
  const Alert b = Firing("b");
  Hold({Firing("a"), b});
  RunFor(kMinute);
  Told();
  held_ = {b};
  Receive({Resolved("a")});
  RunFor(6 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a- b+"});
  Receive({Resolved("a")});
  RunFor(6 * kMinute);
  EXPECT_EQ(Told(), Lines{});
}

TEST_F(RouterTest, WhatWasResolvedBeforeAnybodyWasToldIsNeverTold) {
  Start();
  Receive({Firing("a")});
  RunFor(10 * kSecond);
  Receive({Resolved("a")});
  RunFor(kHour);
  EXPECT_EQ(Told(), Lines{});
  EXPECT_EQ(router_->NextDue(), kNever);
  Receive({Resolved("z")});
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(RouterTest, AnAlertThatNobodyConfirmsIsTakenForResolved) {
  Start();
  Receive({Firing("a")});  // Holds for four minutes.
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
}

TEST_F(RouterTest, AnAlertThatReturnsIsTold) {
  Start();
  const Alert b = Firing("b");
  Hold({Firing("a"), b});
  RunFor(kMinute);
  held_ = {b};
  Receive({Resolved("a")});
  RunFor(5 * kMinute);
  Told();
  Hold({Firing("a"), b});
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, WhoWantsNoResolvedAlertsIsNotTold) {
  config_.receivers[0].webhooks = {{"http://hook/1", false}, {"http://hook/2", true}};
  Start();
  const Alert b = Firing("b");
  Hold({Firing("a"), b});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 2U);
  Told();
  held_ = {b};
  Receive({Resolved("a")});
  RunFor(5 * kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].url, "http://hook/2");
  Told();
  held_.clear();
  Receive({Resolved("b")});
  RunFor(5 * kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].url, "http://hook/2");
  Told();
  // And it hears of the alert again when that fires again.
  Hold({Firing("b")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), (Lines{"firing: b+", "firing: b+"}));
}

TEST_F(RouterTest, GroupsAreToldApart) {
  Start();
  Hold({Firing("a", "A"), Firing("b", "B")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), (Lines{"firing: a+", "firing: b+"}));
}

TEST_F(RouterTest, EverythingTogetherAndEachByItself) {
  config_.route.group_by = {};
  Start();
  Receive({Firing("a", "A"), Firing("b", "B")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
  config_.route.group_by = {"..."};
  state_.entries.clear();
  Start();
  Receive({Firing("a", "A"), Firing("b", "A")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), (Lines{"firing: a+", "firing: b+"}));
}

TEST_F(RouterTest, TemporaryFailuresAreTriedAgainWithGrowingPauses) {
  Start();
  notifier_.answers = {UnavailableError("503"), DeadlineExceededError("slow")};
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  EXPECT_EQ(router_->NextDue(), clock_.Now() + kSecond / 2);
  RunFor(kSecond / 2);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  EXPECT_EQ(router_->NextDue(), clock_.Now() + kSecond);
  RunFor(kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  RunFor(30 * kMinute);
  EXPECT_EQ(Told(), Lines{}) << "it was delivered";
}

TEST_F(RouterTest, AFinalFailureIsTriedAgainAtTheNextLook) {
  Start();
  notifier_.answers = {FailedPreconditionError("400 Bad Request")};
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  RunFor(5 * kMinute - kSecond);
  EXPECT_EQ(Told(), Lines{});
  RunFor(kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(RouterTest, ADeadReceiverHearsTheNewestStateWhenItReturns) {
  Start();
  notifier_.otherwise = UnavailableError("connection refused");
  const Alert a = Firing("a");
  Hold({a});
  RunFor(4 * kMinute);
  const size_t attempts = Told().size();
  EXPECT_GT(attempts, 6U);
  EXPECT_LT(attempts, 12U);
  Hold({a, Firing("b")});
  RunFor(3 * kMinute);
  Told();
  notifier_.otherwise = Status();
  RunFor(2 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, ResolvedIsKeptUntilItIsDelivered) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  held_.clear();
  Receive({Resolved("a")});
  notifier_.otherwise = UnavailableError("connection refused");
  RunFor(kHour);
  EXPECT_FALSE(Told().empty());
  notifier_.otherwise = Status();
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(RouterTest, OneDeadReceiverDoesNotKeepTheOtherFromHearing) {
  config_.receivers[0].webhooks = {{"http://hook/1", true}, {"http://hook/2", true}};
  Start();
  notifier_.answers = {UnavailableError("dead")};
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  EXPECT_EQ(Told().size(), 2U);
  RunFor(10 * kMinute);
  EXPECT_EQ(Told().size(), 1U) << "only the first is told again";
}

TEST_F(RouterTest, ARestartDoesNotRepeatWhatWasTold) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  const Nanos next = router_->NextDue();
  Start();
  EXPECT_EQ(router_->NextDue(), next) << "the group's clock goes on";
  RunFor(kHour - kMinute);
  EXPECT_EQ(Told(), Lines{});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"}) << "the repeat is due as if nothing had happened";
}

TEST_F(RouterTest, ALongOutageDoesNotResolveWhatFired) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  clock_.Advance(40 * kMinute);
  Start();
  RunFor(0);
  EXPECT_EQ(Told(), Lines{});
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{});
}

TEST_F(RouterTest, WhatIsResolvedAfterARestartIsTold) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  held_.clear();
  Start();
  Receive({Resolved("a")});
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
}

TEST_F(RouterTest, WhatWasResolvedBeforeARestartButNotDeliveredIsToldAfterIt) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  held_.clear();
  Receive({Resolved("a")});
  notifier_.otherwise = UnavailableError("connection refused");
  RunFor(6 * kMinute);
  Told();
  clock_.Advance(kHour);  // Rules say so no more.
  notifier_.otherwise = Status();
  Start();
  RunFor(0);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
}

TEST_F(RouterTest, AProcessThatDiesInTheMiddleOfADeliveryMakesItAgain) {
  Start();
  notifier_.otherwise = UnavailableError("connection refused");
  Hold({Firing("a")});
  RunFor(31 * kSecond);
  Told();
  notifier_.otherwise = Status();
  Start();
  RunFor(0);
  EXPECT_EQ(Told(), Lines{"firing: a+"}) << "at once, not at the next look";
}

TEST_F(RouterTest, AGroupThatWaitedGoesOnWaiting) {
  Start();
  Hold({Firing("a")});
  RunFor(10 * kSecond);
  Start();
  RunFor(19 * kSecond);
  EXPECT_EQ(Told(), Lines{});
  RunFor(kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(RouterTest, AFullDiskStopsNoNotificationAndIsMadeUpFor) {
  Start();
  state_.full = true;
  Hold({Firing("a")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  EXPECT_TRUE(state_.entries.empty());
  state_.full = false;
  RunFor(5 * kMinute);
  Start();
  RunFor(10 * kMinute);
  EXPECT_EQ(Told(), Lines{}) << "the log was saved in the end";
}

TEST_F(RouterTest, DamagedStateIsLeftOut) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  for (auto& [key, value] : state_.entries) value = "damaged";
  Start();
  EXPECT_EQ(router_->NextDue(), kNever);
  RunFor(2 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"}) << "at least once";
}

TEST_F(RouterTest, ConfirmationsAreNotWrittenToDisk) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  const int saves = state_.saves;
  RunFor(4 * kMinute);
  EXPECT_EQ(state_.saves, saves);
}

TEST_F(RouterTest, NothingIsLeftInTheStoreAfterEverythingIsOverAndForgotten) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  held_.clear();
  Receive({Resolved("a")});
  RunFor(kHour);
  ASSERT_EQ(state_.entries.size(), 1U);
  EXPECT_TRUE(state_.entries.begin()->first.starts_with("log/hook/webhook/0/"));
  clock_.Advance(2 * kHour);
  Start();
  EXPECT_TRUE(state_.entries.empty());
}

TEST_F(RouterTest, AGroupedOtherwiseAfterARestartIsToldInItsNewGroup) {
  Start();
  Hold({Firing("a", "A"), Firing("b", "B")});
  RunFor(kMinute);
  Told();
  config_.route.group_by = {};
  Start();
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, OlderMessagesDoNotReplaceNewerOnes) {
  Start();
  const Alert old = Firing("a");
  RunFor(10 * kSecond);
  Receive({Resolved("a")});
  Receive({Firing("a")});
  const Alert newest = Firing("a");
  Receive({newest});
  Alert late = old;
  late.ends_at = old.updated_at;
  Receive({late});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(RouterTest, TooManyAlertsAreRefusedAndTheOthersServed) {
  options_.alerts_max = 2;
  Start();
  const std::vector<Alert> three{Firing("a"), Firing("b"), Firing("c")};
  const Status status = router_->Receive(three, clock_.Now());
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"});
}

TEST_F(RouterTest, MissedLooksAreMadeOnce) {
  Start();
  const Alert a = Firing("a");
  Receive({a});
  clock_.Advance(2 * kMinute);
  router_->RunDue(clock_.Now());
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  EXPECT_EQ(router_->NextDue(), kStart + 30 * kSecond + 5 * kMinute);
}

TEST_F(RouterTest, AClockThatIsSetBackDoesNotSilenceIt) {
  Start();
  Receive({Firing("a")});
  clock_.Set(kStart - kHour);
  EXPECT_LE(router_->RunDue(clock_.Now()), kStart - kHour + 5 * kMinute);
}

/// Blocks every notification until the test lets it go.
class BlockingNotifier : public Notifier {
 public:
  Status Notify(const Notification&) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    ++done_;
    return {};
  }
  void AwaitWaiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
  int done_ = 0;
};

TEST_F(RouterTest, SeveralThreadsDeliverAtOnceAndAlertsAreTakenMeanwhile) {
  BlockingNotifier blocking;
  Router router(config_, options_, Ports{blocking, state_, Telemetry::None(), clock_});
  const std::vector<Alert> alerts{Firing("a", "A"), Firing("b", "B"), Firing("c", "C")};
  ASSERT_TRUE(router.Receive(alerts, clock_.Now()).ok());
  clock_.Advance(kMinute);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] { router.RunDue(clock_.Now()); });
    }
    blocking.AwaitWaiting(2);
    // Two are held up, and neither the third nor the receiving side waits for them.
    const std::vector<Alert> more{Firing("d", "A")};
    EXPECT_TRUE(router.Receive(more, clock_.Now()).ok());
    threads.emplace_back([&] { router.RunDue(clock_.Now()); });
    blocking.AwaitWaiting(3);
    blocking.Open();
  }
  EXPECT_EQ(blocking.done(), 3);
}

TEST(ConfigTest, MistakesAreNamed) {
  Config config;
  config.route.receiver = "a";
  EXPECT_EQ(Validate(config).message(), "the route's receiver \"a\" is not defined");
  config.receivers = {{"a", {}}, {"a", {}}};
  EXPECT_EQ(Validate(config).message(), "receiver \"a\" is defined twice");
  config.receivers = {{"a", {{"", true}}}};
  EXPECT_EQ(Validate(config).message(), "a webhook of receiver \"a\" has no url");
  config.receivers = {{"a", {{"http://x", true}}}};
  EXPECT_TRUE(Validate(config).ok());
  config.route.group_interval = 0;
  EXPECT_EQ(Validate(config).message(), "group_interval must be positive");
  config.route.group_interval = kMinute;
  config.route.repeat_interval = -1;
  EXPECT_EQ(Validate(config).message(), "repeat_interval must be positive");
  config.route.repeat_interval = kHour;
  config.route.group_wait = -1;
  EXPECT_EQ(Validate(config).message(), "group_wait must not be negative");
}

}  // namespace
}  // namespace tocsin::alerting
