// Receivers that are down, refuse, are busy, slow or hang, and processes that die: what is told,
// when, and under which idempotency key.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/alerting/router_fixture.h"

namespace tocsin::alerting {
namespace {

class FaultsTest : public RouterTest {
 protected:
  FaultsTest() { notifier_.clock = &clock_; }

  std::set<std::string> Keys() const {
    std::set<std::string> keys;
    for (const Notification& attempt : notifier_.attempts) keys.insert(attempt.idempotency_key);
    return keys;
  }
  size_t OutboxSize() const {
    return static_cast<size_t>(std::ranges::count_if(
        state_.entries, [](const auto& entry) { return entry.first.starts_with("out/"); }));
  }
};

TEST_F(FaultsTest, DownForAnHourNothingIsLost) {
  Start();
  notifier_.otherwise = UnavailableError("connection refused");
  const Alert a = Firing("a");
  Hold({a});
  RunFor(20 * kMinute);
  EXPECT_EQ(Keys().size(), 1U) << "the same message, again and again";
  // 4 looks; at each 0.5, 1, 2 .. 32, 60 s after the failures before, until the next.
  EXPECT_EQ(notifier_.attempts.size(), 44U);
  EXPECT_EQ(OutboxSize(), 1U);
  held_ = {Firing("b")};
  Receive({Resolved("a")});
  Receive(held_);
  RunFor(40 * kMinute);
  EXPECT_EQ(Keys().size(), 2U) << "what has changed makes another message";
  notifier_.attempts.clear();
  notifier_.otherwise = Status();
  RunFor(2 * kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a- b+"}) << "also that which is over, for it may have arrived";
  EXPECT_EQ(OutboxSize(), 0U);
  RunFor(30 * kMinute);
  EXPECT_EQ(Told(), Lines{});
}

TEST_F(FaultsTest, WhatFiredAndEndedDuringAnOutageIsToldAsResolved) {
  Start();
  notifier_.otherwise = UnavailableError("connection refused");
  Hold({Firing("a")});
  RunFor(10 * kMinute);
  held_.clear();
  Receive({Resolved("a")});
  RunFor(50 * kMinute);
  notifier_.attempts.clear();
  notifier_.otherwise = Status();
  RunFor(2 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(FaultsTest, AnOutageLongerThanTheLogsMemoryLosesNothing) {
  Start();
  notifier_.otherwise = UnavailableError("connection refused");
  Hold({Firing("a")});
  RunFor(kMinute);
  held_.clear();
  Receive({Resolved("a")});
  RunFor(6 * kHour);
  notifier_.attempts.clear();
  notifier_.otherwise = Status();
  RunFor(2 * kMinute);
  EXPECT_EQ(Told(), Lines{"resolved: a-"});
}

TEST_F(FaultsTest, ServerErrorsAreTriedAgainUnderTheSameKey) {
  Start();
  notifier_.answers = {Answer(UnavailableError("500")), Answer(UnavailableError("500"))};
  Hold({Firing("a")});
  RunFor(5 * kMinute);
  EXPECT_EQ(notifier_.attempts.size(), 3U) << "delivered once";
  EXPECT_EQ(Keys().size(), 1U);
  RunFor(20 * kMinute);
  EXPECT_EQ(notifier_.attempts.size(), 3U);
}

TEST_F(FaultsTest, RetryAfterIsWaitedFor) {
  Start();
  notifier_.answers = {Busy(100 * kSecond)};
  Hold({Firing("a")});
  RunFor(30 * kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  EXPECT_EQ(router_->NextDelivery(), clock_.Now() + 100 * kSecond);
  RunFor(100 * kSecond - 1);
  EXPECT_EQ(Told(), Lines{});
  RunFor(1);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
}

TEST_F(FaultsTest, RetryAfterReachesBeyondTheNextLook) {
  Start();
  notifier_.answers = {Busy(12 * kMinute)};
  const Alert a = Firing("a");
  Hold({a});
  RunFor(30 * kSecond);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  Hold({a, Firing("b")});
  RunFor(12 * kMinute - 1);
  EXPECT_EQ(Told(), Lines{});
  RunFor(1);
  EXPECT_EQ(Told(), Lines{"firing: a+ b+"}) << "the newest state";
}

TEST_F(FaultsTest, ARefusalIsFinalUntilTheNextLook) {
  Start();
  notifier_.otherwise = InvalidArgumentError("400");
  Hold({Firing("a")});
  RunFor(20 * kMinute);
  EXPECT_EQ(notifier_.attempts.size(), 4U) << "once a look";
  EXPECT_EQ(Keys().size(), 1U);
}

TEST_F(FaultsTest, ASlowReceiverIsToldOnceAndInOrder) {
  Start();
  notifier_.takes = 8 * kMinute;  // Longer than the interval between looks.
  const Alert a = Firing("a");
  Receive({a});
  clock_.Advance(30 * kSecond);
  router_->RunDue(clock_.Now());
  EXPECT_EQ(Told(), Lines({"firing: a+", "resolved: a-"})) << "nobody confirmed it meanwhile";
  EXPECT_EQ(router_->NextDue(), kNever);
}

TEST_F(FaultsTest, AttemptsAreGivenTheTimeUntilTheNextLook) {
  config_.receivers = {Hook("hook", 2)};
  config_.receivers[0].webhooks[1].timeout = 3 * kSecond;
  Start();
  Receive({Firing("a")});
  RunFor(kMinute);
  ASSERT_EQ(notifier_.attempts.size(), 2U);
  EXPECT_EQ(notifier_.attempts[0].timeout, 5 * kMinute);
  EXPECT_EQ(notifier_.attempts[1].timeout, 3 * kSecond);
}

TEST_F(FaultsTest, AFullDiskHoldsNothingBackAndIsMadeUpFor) {
  Start();
  state_.full = true;
  Hold({Firing("a")});
  RunFor(kMinute);
  EXPECT_EQ(Told(), Lines{"firing: a+"});
  EXPECT_TRUE(state_.entries.empty());
  state_.full = false;
  RunFor(5 * kMinute);
  EXPECT_EQ(OutboxSize(), 0U);
  Start();
  RunFor(10 * kMinute);
  EXPECT_EQ(Told(), Lines{}) << "the log was saved in the end";
}

/// Dies at the moment of a chosen call: the state is what was saved up to then.
class DyingNotifier : public Notifier {
 public:
  NotifyOutcome Notify(const Notification& notification) override {
    attempts.push_back(notification);
    at_attempt.push_back(state->entries);
    return {};
  }
  FakeState* state = nullptr;
  std::vector<Notification> attempts;
  std::vector<std::map<std::string, std::string>> at_attempt;
};

TEST_F(FaultsTest, AProcessThatDiesBetweenDeliveryAndLogSendsTheSameAgain) {
  DyingNotifier dying;
  dying.state = &state_;
  auto first = *Router::Make(config_, options_, PortsWith(dying));
  ASSERT_TRUE(first->Restore(clock_.Now()).ok());
  const std::vector<Alert> alerts{Firing("a")};
  ASSERT_TRUE(first->Receive(alerts, clock_.Now()).ok());
  clock_.Advance(30 * kSecond);
  first->RunDue(clock_.Now());
  ASSERT_EQ(dying.attempts.size(), 1U);
  // The receiver has it, the process has not written that down.
  state_.entries = dying.at_attempt[0];
  ASSERT_EQ(OutboxSize(), 1U) << "it was in the outbox before the first attempt";
  clock_.Advance(20 * kMinute);
  held_ = alerts;
  Start();
  RunFor(0);
  ASSERT_EQ(notifier_.attempts.size(), 1U) << "at most one duplicate";
  EXPECT_EQ(notifier_.attempts[0].idempotency_key, dying.attempts[0].idempotency_key);
  EXPECT_EQ(notifier_.attempts[0].body, dying.attempts[0].body);
  RunFor(30 * kMinute);
  EXPECT_EQ(notifier_.attempts.size(), 1U);
}

TEST_F(FaultsTest, WhatTheLastProcessLeftGoesOutBeforeAnythingReplacesIt) {
  Start();
  notifier_.otherwise = UnavailableError("down");
  Hold({Firing("a")});
  RunFor(31 * kSecond);
  const Notification left = notifier_.attempts[0];
  notifier_.attempts.clear();
  notifier_.otherwise = Status();
  clock_.Advance(20 * kMinute);
  Start();
  Hold({Firing("a"), Firing("b")});
  RunFor(0);
  ASSERT_EQ(notifier_.attempts.size(), 2U);
  EXPECT_EQ(notifier_.attempts[0].body, left.body);
  EXPECT_EQ(notifier_.attempts[0].idempotency_key, left.idempotency_key);
  EXPECT_EQ(Summary(notifier_.attempts[1]), "firing: a+ b+");
  EXPECT_NE(notifier_.attempts[1].idempotency_key, left.idempotency_key);
}

TEST_F(FaultsTest, DeathAtEveryWriteLosesAndInventsNothing) {
  // Two alerts come and go; the process dies after each of its writes in turn.
  for (int writes = 1;; ++writes) {
    state_.entries.clear();
    state_.saves = 0;
    clock_.Set(kStart);
    held_.clear();
    notifier_.attempts.clear();
    Start();
    const Alert a = Firing("a");
    bool died = false;
    const auto step = [&](const std::vector<Alert>& alerts, Nanos duration) {
      Receive(alerts);
      RunFor(duration);
      if (!died && state_.saves >= writes) {
        died = true;
        Start();
        Receive(alerts);  // Rules say so again.
        RunFor(kSecond);
      }
    };
    step({a}, 40 * kSecond);
    step({a, Firing("b")}, 6 * kMinute);
    Alert b_ends = Resolved("b");
    Alert a_ends = Resolved("a");
    step({a_ends, b_ends}, 6 * kMinute);
    std::map<std::string, int> copies;
    for (const Notification& attempt : notifier_.attempts) ++copies[attempt.idempotency_key];
    for (const auto& [key, count] : copies) EXPECT_LE(count, 2) << key;
    ASSERT_FALSE(notifier_.attempts.empty());
    EXPECT_EQ(Summary(notifier_.attempts.front()), "firing: a+") << writes;
    EXPECT_EQ(Summary(notifier_.attempts.back()), "resolved: a- b-") << writes;
    EXPECT_EQ(OutboxSize(), 0U);
    if (!died) break;
  }
}

}  // namespace
}  // namespace tocsin::alerting
