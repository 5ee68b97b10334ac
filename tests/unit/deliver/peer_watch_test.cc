// A peer that is down, or whose rules stand still, is an alert.

#include "cpp/deliver/peer_watch.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/rfc3339.h"
#include "tests/unit/deliver/fake_receiver.h"
#include "tests/unit/model/fake_state.h"
#include "tests/unit/rules/fake_sink.h"

namespace tocsin::deliver {
namespace {

class PeerWatchTest : public testing::Test {
 protected:
  PeerWatchTest() { Begin(); }

  // As after a start of the process.
  void Begin() {
    PeerOptions options;
    options.url = "http://user:pass@peer:3200";
    options.name = "peer:3200";
    options.labels = {{"cluster", "c"}};
    watch_ = std::make_unique<PeerWatch>(
        options,
        PeerWatch::Ports{
            .fetch = [this](const http::ClientRequest& request) { return Answer(request); },
            .alerts = &sink_,
            .state = &state_,
            .telemetry = &telemetry_});
    ASSERT_TRUE(watch_->Restore().ok());
  }
  Result<http::Response> Answer(const http::ClientRequest& request) {
    if (!up_) return UnavailableError("connection refused");
    if (request.url.ends_with("/ready")) return http::Response::Text(ready_, "");
    const Nanos evaluated = stuck_at_ != 0 ? stuck_at_ : now_;
    return http::Response::Json(
        200, R"({"status":"success","data":{"groups":[{"name":"g","file":"f","interval":30,)"
             R"("lastEvaluation":")" +
                 FormatRfc3339(evaluated - kHour) + R"("}]}})");
  }
  // Lets time pass, and returns what was sent meanwhile.
  std::vector<Alert> After(Nanos span) {
    sink_.sent.clear();
    for (const Nanos end = now_ + span; now_ < end;) now_ = watch_->RunDue(now_);
    return sink_.sent;
  }

  FakeTelemetry telemetry_;
  FakeState state_;
  rules::FakeSink sink_;
  bool up_ = true;
  int ready_ = 200;
  Nanos stuck_at_ = 0;
  Nanos now_ = kStart;
  std::unique_ptr<PeerWatch> watch_;
};

TEST_F(PeerWatchTest, NobodyIsToldOfAPeerThatIsUp) {
  EXPECT_TRUE(After(kHour).empty());
  EXPECT_EQ(telemetry_.gauges["tocsin_peer_up"].value, 1);
}

TEST_F(PeerWatchTest, FiresAfterItsHoldIsSentAgainAndResolves) {
  After(kMinute);
  up_ = false;
  const Nanos down = now_;
  EXPECT_TRUE(After(kMinute).empty());
  EXPECT_EQ(telemetry_.gauges["tocsin_peer_up"].value, 0);
  const std::vector<Alert> firing = After(5 * kMinute);
  ASSERT_EQ(firing.size(), 5U);  // At once, and each minute.
  EXPECT_EQ(firing[0].labels.ToString(),
            R"({alertname="PeerDown", cluster="c", instance="peer:3200", severity="critical"})");
  EXPECT_EQ(firing[0].starts_at, down + kMinute);
  EXPECT_EQ(firing[0].ends_at, firing[0].updated_at + 4 * kMinute);
  EXPECT_EQ(firing[0].generator_url.find("pass"), std::string::npos);
  EXPECT_NE(FindAnnotation(firing[0].annotations, "description").find("connection refused"),
            std::string_view::npos);
  EXPECT_EQ(firing[4].starts_at, firing[0].starts_at);
  up_ = true;
  const Nanos back = now_;
  const std::vector<Alert> resolved = After(kHour);
  ASSERT_EQ(resolved.size(), 16U);  // A quarter of an hour long.
  for (const Alert& alert : resolved) EXPECT_EQ(alert.ends_at, back);
  EXPECT_TRUE(state_.Load()->empty());
}

TEST_F(PeerWatchTest, ABlinkIsNoAlert) {
  for (int i = 0; i < 5; ++i) {
    up_ = false;
    EXPECT_TRUE(After(45 * kSecond).empty());
    up_ = true;
    EXPECT_TRUE(After(kMinute).empty());
  }
}

TEST_F(PeerWatchTest, AnsweringIsNotEnough) {
  ready_ = 503;
  After(2 * kMinute);
  ASSERT_FALSE(sink_.sent.empty());
  EXPECT_NE(
      FindAnnotation(sink_.sent[0].annotations, "description").find("/ready answered HTTP 503"),
      std::string_view::npos);
}

TEST_F(PeerWatchTest, RulesThatStandStillAreTheSameAsDeath) {
  After(10 * kMinute);
  stuck_at_ = now_;
  // It is seen at most a minute later; two intervals and a minute are allowed.
  EXPECT_TRUE(After(2 * kMinute).empty());
  const std::vector<Alert> firing = After(5 * kMinute);
  ASSERT_FALSE(firing.empty());
  EXPECT_NE(FindAnnotation(firing[0].annotations, "description").find("rule group g was last"),
            std::string_view::npos);
  stuck_at_ = 0;
  const std::vector<Alert> resolved = After(kMinute);
  ASSERT_FALSE(resolved.empty());
  EXPECT_TRUE(resolved[0].ResolvedAt(now_));
}

TEST_F(PeerWatchTest, ARestartChangesNothing) {
  up_ = false;
  const Nanos down = now_;
  After(40 * kSecond);
  Begin();
  const std::vector<Alert> firing = After(kMinute);
  ASSERT_EQ(firing.size(), 1U);
  EXPECT_EQ(firing[0].starts_at, down + kMinute);
  Begin();
  const std::vector<Alert> again = After(kMinute);
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0].starts_at, firing[0].starts_at);
  Begin();
  up_ = true;
  ASSERT_FALSE(After(kMinute).empty());
  EXPECT_TRUE(sink_.sent[0].ResolvedAt(now_));
}

TEST_F(PeerWatchTest, WhatCannotBeReadIsNotBelieved) {
  StateChange change{"peer/peer:3200", "\x09nonsense"};
  ASSERT_TRUE(state_.Save({&change, 1}).ok());
  PeerOptions options;
  options.name = "peer:3200";
  PeerWatch watch(options, {.fetch = [this](const auto& request) { return Answer(request); },
                            .alerts = &sink_,
                            .state = &state_,
                            .telemetry = &telemetry_});
  EXPECT_EQ(watch.Restore().code(), StatusCode::kCorruption);
  watch.RunDue(kStart);
  EXPECT_TRUE(sink_.sent.empty());
}

}  // namespace
}  // namespace tocsin::deliver
