// A heartbeat is heard while rules and router move on, and only then.

#include "cpp/deliver/heartbeat.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/lib/json.h"
#include "tests/unit/deliver/fake_receiver.h"

namespace tocsin::deliver {
namespace {

using Groups = std::vector<std::shared_ptr<const rules::GroupView>>;

std::shared_ptr<rules::GroupView> MakeGroup(const std::string& name, Nanos interval, Nanos last) {
  auto group = std::make_shared<rules::GroupView>();
  group->name = name;
  group->file = "f";
  group->interval = interval;
  group->last_evaluation = last;
  group->rules.resize(1);
  return group;
}

// The part that stands still, of those that are told.
std::string Stuck(RuleProgress* progress, const Groups& groups, Nanos now) {
  for (const Progress& part : progress->Of(groups, now)) {
    if (now - part.last > part.allowed) return part.part;
  }
  return "";
}

TEST(RuleProgressTest, AGroupThatIsNotEvaluatedAnyMoreStandsStill) {
  RuleProgress progress;
  const Nanos begin = kStart;
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, begin)}, begin), "");
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, begin)}, begin + 3 * kMinute), "");
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, begin)}, begin + 3 * kMinute + 1),
            "rule group a");
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, begin + kMinute)}, begin + 4 * kMinute), "");
}

TEST(RuleProgressTest, AGroupThatWasNeverEvaluatedHasTimeFromWhenItIsSeen) {
  RuleProgress progress;
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, 0)}, kStart), "");
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, 0)}, kStart + 2 * kMinute), "");
  EXPECT_EQ(Stuck(&progress, {MakeGroup("a", kMinute, 0)}, kStart + 4 * kMinute), "rule group a");
  // One that comes with a reload begins then.
  EXPECT_EQ(Stuck(&progress, {MakeGroup("b", kMinute, 0)}, kStart + 5 * kMinute), "");
}

TEST(RuleProgressTest, OneFailingRuleIsNoDeathButAllTogetherAre) {
  RuleProgress progress;
  Nanos now = kStart;
  const auto groups = [&now](bool failed) {
    auto bad = MakeGroup("bad", kMinute, now);
    bad->rules[0].failed = true;
    auto other = MakeGroup("other", kMinute, now);
    other->rules[0].failed = failed;
    return Groups{bad, other};
  };
  for (int i = 0; i < 10; ++i, now += kMinute) EXPECT_EQ(Stuck(&progress, groups(false), now), "");
  for (int i = 0; i < 3; ++i, now += kMinute) EXPECT_EQ(Stuck(&progress, groups(true), now), "");
  now += kMinute;
  EXPECT_EQ(Stuck(&progress, groups(true), now), "any rule");
  EXPECT_EQ(Stuck(&progress, groups(false), now), "");
  // Without rules there is nothing that could stand still.
  EXPECT_EQ(Stuck(&progress, {}, now + kHour), "");
}

class HeartbeatTest : public testing::Test {
 protected:
  HeartbeatTest() : beat_(Options(), Ports()) {}

  static HeartbeatOptions Options() {
    HeartbeatOptions options;
    options.url.value = "http://snitch/x";
    options.instance = "http://me:3200";
    return options;
  }
  Heartbeat::Ports Ports() {
    return {.fetch = [this](const http::ClientRequest& request) -> Result<http::Response> {
              requests_.push_back(request);
              if (status_ == 0) return UnavailableError("no connection");
              return http::Response::Text(status_, "");
            },
            .progress = [this](Nanos) { return std::vector<Progress>{{"a", moved_at_, kMinute}}; },
            .telemetry = &telemetry_};
  }
  // How often it beat while the time went on from `now_` by `span`.
  size_t BeatsWithin(Nanos span) {
    const size_t before = requests_.size();
    for (const Nanos end = now_ + span; now_ < end;) now_ = beat_.RunDue(now_);
    return requests_.size() - before;
  }
  double Count(const std::string&) { return telemetry_.counters["tocsin_heartbeats_total"].value; }

  FakeTelemetry telemetry_;
  std::vector<http::ClientRequest> requests_;
  int status_ = 200;
  Nanos now_ = kStart;
  Nanos moved_at_ = kStart;
  Heartbeat beat_;
};

TEST_F(HeartbeatTest, BeatsAtEachIntervalAndSaysWhoItIs) {
  moved_at_ = kStart + kHour;
  EXPECT_EQ(BeatsWithin(5 * kMinute), 10U);
  EXPECT_EQ(beat_.RunDue(now_ - 1), now_);  // Called too early.
  const http::ClientRequest& request = requests_.at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "http://snitch/x");
  EXPECT_EQ(request.timeout, 10 * kSecond);
  const auto body = lib::Json::Parse(request.body);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->Find("status")->string, "alive");
  EXPECT_EQ(body->Find("instance")->string, "http://me:3200");
  EXPECT_EQ(body->Find("intervalSeconds")->number, 30);
}

TEST_F(HeartbeatTest, FallsSilentWhileSomethingStandsStill) {
  EXPECT_EQ(BeatsWithin(kMinute), 2U);
  now_ += 1;
  EXPECT_EQ(BeatsWithin(5 * kMinute), 0U);
  moved_at_ = now_;
  EXPECT_EQ(BeatsWithin(kMinute), 2U);
}

TEST_F(HeartbeatTest, AWebhookThatDoesNotTakeItIsAskedAgainAtTheNextInterval) {
  moved_at_ = kStart + kHour;
  status_ = 500;
  EXPECT_EQ(BeatsWithin(kMinute), 2U);
  status_ = 0;
  EXPECT_EQ(BeatsWithin(kMinute), 2U);
  status_ = 204;
  EXPECT_EQ(BeatsWithin(kMinute), 2U);
}

}  // namespace
}  // namespace tocsin::deliver
