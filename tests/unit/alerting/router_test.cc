// The router under a virtual clock: who is told what and when, what is tried again, and what a
// restart does not change. No sockets: notifications go to a fake that answers as the test says.

#include "cpp/alerting/router.h"

#include <atomic>
#include <climits>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/lib/json.h"
#include "tests/unit/alerting/router_fixture.h"

namespace tocsin::alerting {
namespace {

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
  EXPECT_EQ(notifier_.attempts[0].url, "") << "the configured one";
  EXPECT_EQ(notifier_.attempts[0].receiver, "hook");
  EXPECT_EQ(notifier_.attempts[0].integration, 0U);
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
  config_.receivers = {Hook("hook", 2)};
  config_.receivers[0].webhooks[0].send_resolved = false;
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
  EXPECT_EQ(notifier_.attempts[0].integration, 1U);
  Told();
  held_.clear();
  Receive({Resolved("b")});
  RunFor(5 * kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 1U);
  EXPECT_EQ(notifier_.attempts[0].integration, 1U);
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
  config_.route.group_by_all = true;
  state_.entries.clear();
  Start();
  Receive({Firing("a", "A"), Firing("b", "A")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), (Lines{"firing: a+", "firing: b+"}));
}

TEST_F(RouterTest, TemporaryFailuresAreTriedAgainWithGrowingPauses) {
  Start();
  notifier_.answers = {Answer(UnavailableError("503")), Answer(DeadlineExceededError("slow"))};
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
  notifier_.answers = {Answer(FailedPreconditionError("400 Bad Request"))};
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

TEST_F(RouterTest, AnEndThatMayHaveArrivedIsBelieved) {
  Start();
  Hold({Firing("a")});
  RunFor(kMinute);
  Told();
  held_.clear();
  Receive({Resolved("a")});
  notifier_.otherwise = UnavailableError("read, and then 500");
  RunFor(5 * kMinute);
  EXPECT_EQ(Told().front(), "resolved: a-");
  // It fires again before anybody has said that the end arrived.
  Hold({Firing("a")});
  notifier_.otherwise = Status();
  RunFor(10 * kMinute);
  EXPECT_EQ(Told().back(), "firing: a+");
}

TEST_F(RouterTest, AnEndThatWasSaidHoldsAgainstOneThatIsFilledIn) {
  Start();
  Alert said = Firing("a");
  said.ends_at = kStart + kHour;
  Receive({said});
  Alert without = Firing("a");
  without.ends_at = 0;
  Receive({without});
  RunFor(59 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  RunFor(10 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
}

TEST_F(RouterTest, OneDeadReceiverDoesNotKeepTheOtherFromHearing) {
  config_.receivers = {Hook("hook", 2)};
  Start();
  notifier_.answers = {Answer(UnavailableError("dead"))};
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
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  // What is said from now on is not older than what was said in the future.
  Receive({Resolved("a")});
  RunFor(5 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
}

/// Blocks notifications, every one or the first few, until the test lets them go.
class BlockingNotifier : public Notifier {
 public:
  explicit BlockingNotifier(int blocks = INT_MAX) : blocks_(blocks) {}
  NotifyOutcome Notify(const Notification&) override {
    std::unique_lock lock(mutex_);
    if (waiting_ < blocks_) {
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    }
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
  const int blocks_;
  bool open_ = false;
  int waiting_ = 0;
  int done_ = 0;
};

TEST_F(RouterTest, AGroupIsNotLookedAtWhileItsMessageIsUnderWay) {
  BlockingNotifier blocking;
  int looks_due = 0;
  options_.look_is_due = [&looks_due] { ++looks_due; };
  const auto made = Router::Make(config_, options_, PortsWith(blocking));
  ASSERT_TRUE(made.has_value());
  Router& router = **made;
  std::vector<Alert> alerts{Firing("a")};
  alerts[0].ends_at = kStart + kHour;
  ASSERT_TRUE(router.Receive(alerts, clock_.Now()).ok());
  clock_.Advance(30 * kSecond);
  router.Look(clock_.Now());
  std::jthread slow([&] { router.Deliver(kStart + 30 * kSecond); });
  blocking.AwaitWaiting(1);
  clock_.Advance(5 * kMinute);
  EXPECT_EQ(router.Look(clock_.Now()), kNever);
  EXPECT_EQ(router.NextDelivery(), kNever) << "the same message would be sent beside itself";
  blocking.Open();
  slow.join();
  EXPECT_EQ(looks_due, 1) << "the look that had to wait";
  EXPECT_EQ(router.NextDue(), clock_.Now());
  router.RunDue(clock_.Now());
  EXPECT_EQ(blocking.done(), 1);
}

TEST_F(RouterTest, WhatAReloadOvertookIsFinishedBeforeNewsBegin) {
  config_.receivers.push_back(Hook("other", 1));
  BlockingNotifier blocking(1);
  const auto made = Router::Make(config_, options_, PortsWith(blocking));
  ASSERT_TRUE(made.has_value());
  Router& router = **made;
  const auto receive = [&](std::string_view job) {
    Alert alert = Firing(job);
    alert.ends_at = kStart + kHour;
    EXPECT_TRUE(router.Receive({&alert, 1}, clock_.Now()).ok());
  };
  receive("a");
  clock_.Advance(30 * kSecond);
  router.Look(clock_.Now());
  std::jthread slow([&] { router.Deliver(kStart + 30 * kSecond); });
  blocking.AwaitWaiting(1);
  // While the first message is under way its receiver goes and comes back, and there is more.
  routing::Config without = config_;
  without.route.receiver = "other";
  ASSERT_TRUE(router.Reload(without, clock_.Now()).ok());
  ASSERT_TRUE(router.Reload(config_, clock_.Now()).ok());
  receive("b");
  for (int i = 0; i < 6; ++i) {
    clock_.Advance(kMinute);
    router.RunDue(clock_.Now());
  }
  EXPECT_EQ(blocking.done(), 0) << "the newer message would arrive before the older one";
  blocking.Open();
  slow.join();
  for (int i = 0; i < 12; ++i) {
    clock_.Advance(kMinute);
    router.RunDue(clock_.Now());
  }
  EXPECT_EQ(blocking.done(), 2) << "of a; then of a and b, and nothing is new since";
}

TEST_F(RouterTest, SeveralThreadsDeliverAtOnceAndAlertsAreTakenMeanwhile) {
  BlockingNotifier blocking;
  const auto made = Router::Make(config_, options_, PortsWith(blocking));
  ASSERT_TRUE(made.has_value());
  Router& router = **made;
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

}  // namespace
}  // namespace tocsin::alerting
