// Silences: who makes, changes and ends them, what outlives the process, and which alerts they
// match.

#include "cpp/alerting/silences.h"

#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/alerting/silence_index.h"
#include "tests/unit/model/fake_state.h"

namespace tocsin::alerting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Nanos kNow = 1'700'000'000 * kSecond;

Silence MakeSilence(std::string_view matchers, Nanos starts_at, Nanos ends_at) {
  Silence silence;
  silence.matchers = *routing::ParseMatchers(matchers);
  silence.starts_at = starts_at;
  silence.ends_at = ends_at;
  silence.created_by = "me";
  silence.comment = "quiet";
  return silence;
}

class SilencesTest : public testing::Test {
 protected:
  SilencesTest() { Restart(); }

  void Restart() {
    silences_ = std::make_unique<Silences>(options_, &state_, &Telemetry::None());
    EXPECT_TRUE(silences_->Restore(kNow).ok());
  }
  std::string MustSet(Silence silence, Nanos now = kNow) {
    const auto id = silences_->Set(std::move(silence), now);
    EXPECT_TRUE(id.has_value()) << id.error().ToString();
    return id.value_or("");
  }
  std::string ErrorOf(Silence silence, Nanos now = kNow) {
    const auto id = silences_->Set(std::move(silence), now);
    return id.has_value() ? "" : id.error().ToString();
  }

  SilenceOptions options_;
  FakeState state_;
  std::unique_ptr<Silences> silences_;
};

TEST_F(SilencesTest, ASilenceIsPendingThenActiveThenExpired) {
  const std::string id = MustSet(MakeSilence("a=b", kNow + kHour, kNow + 2 * kHour));
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(id[14], '4');  // A random UUID.
  const Silence silence = silences_->Find(id).value();
  EXPECT_EQ(silence.comment, "quiet");
  EXPECT_EQ(silence.updated_at, kNow);
  EXPECT_EQ(SilenceStateName(silence.StateAt(kNow)), "pending");
  EXPECT_EQ(SilenceStateName(silence.StateAt(kNow + kHour)), "active");
  EXPECT_EQ(SilenceStateName(silence.StateAt(kNow + 2 * kHour)), "expired");
  const Labels alert{{"a", "b"}, {"c", "d"}};
  EXPECT_THAT(silences_->Silencing(alert, kNow), IsEmpty());
  EXPECT_THAT(silences_->Silencing(alert, kNow + kHour), ElementsAre(id));
  EXPECT_THAT(silences_->Silencing(alert, kNow + 2 * kHour), IsEmpty());
  EXPECT_THAT(silences_->Silencing({{"a", "x"}}, kNow + kHour), IsEmpty());
}

TEST_F(SilencesTest, AStartThatIsMissingOrPastIsNow) {
  EXPECT_EQ(silences_->Find(MustSet(MakeSilence("a=b", 0, kNow + kHour)))->starts_at, kNow);
  EXPECT_EQ(silences_->Find(MustSet(MakeSilence("a=b", kNow - kHour, kNow + kHour)))->starts_at,
            kNow);
}

TEST_F(SilencesTest, WhatMakesNoSenseIsRefused) {
  EXPECT_THAT(ErrorOf(MakeSilence("", kNow, kNow + 1)), HasSubstr("at least one matcher required"));
  for (const std::string_view empty : {"a=\"\"", "a=~\".*\"", "a=~\"x|\",b=\"\""}) {
    EXPECT_THAT(ErrorOf(MakeSilence(empty, kNow, kNow + 1)),
                HasSubstr("at least one matcher must not match the empty string"));
  }
  EXPECT_EQ(ErrorOf(MakeSilence("a=\"\",b=c", kNow, kNow + 1)), "");
  EXPECT_EQ(ErrorOf(MakeSilence("a!=b", kNow, kNow + 1)), "");
  EXPECT_THAT(ErrorOf(MakeSilence("a=b", kNow + 2, kNow + 1)),
              HasSubstr("start time must be before end time"));
  EXPECT_THAT(ErrorOf(MakeSilence("a=b", kNow - 2, kNow - 1)),
              HasSubstr("end time can't be in the past"));
  Silence unknown = MakeSilence("a=b", kNow, kNow + kHour);
  unknown.id = "7d8a5b1e-0000-4000-8000-000000000000";
  EXPECT_EQ(silences_->Set(unknown, kNow).error().code(), StatusCode::kNotFound);
  Silence large = MakeSilence("a=b", kNow, kNow + kHour);
  large.comment.assign(100'000, 'x');
  EXPECT_THAT(ErrorOf(large), HasSubstr("silence exceeded maximum size"));
  EXPECT_EQ(silences_->List(kNow).size(), 2U);
}

TEST_F(SilencesTest, WhatLeavesThePastAloneChangesTheSilenceItself) {
  const std::string id = MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  Silence changed = silences_->Find(id).value();
  changed.ends_at = kNow + 3 * kHour;
  changed.comment = "longer";
  changed.starts_at += kMillisecond;  // The same second.
  EXPECT_EQ(MustSet(changed, kNow + kMinute), id);
  EXPECT_EQ(silences_->Find(id)->comment, "longer");
  EXPECT_EQ(silences_->Find(id)->updated_at, kNow + kMinute);
  EXPECT_THAT(silences_->Silencing({{"a", "b"}}, kNow + 2 * kHour), ElementsAre(id));

  const std::string pending = MustSet(MakeSilence("a=b", kNow + kHour, kNow + 2 * kHour));
  changed = silences_->Find(pending).value();
  changed.starts_at = kNow + kMinute;
  EXPECT_EQ(MustSet(changed), pending);
}

TEST_F(SilencesTest, WhatWouldChangeThePastEndsTheSilenceAndMakesAnother) {
  const std::string id = MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  const Nanos later = kNow + kMinute;
  Silence changed = silences_->Find(id).value();
  changed.matchers = *routing::ParseMatchers("a=c");
  const std::string other = MustSet(changed, later);
  EXPECT_NE(other, id);
  EXPECT_EQ(silences_->Find(id)->ends_at, later);
  EXPECT_EQ(silences_->Find(other)->starts_at, later);
  EXPECT_THAT(silences_->Silencing({{"a", "b"}}, later), IsEmpty());
  EXPECT_THAT(silences_->Silencing({{"a", "c"}}, later), ElementsAre(other));
  // An expired one stays as it was.
  changed = silences_->Find(id).value();
  changed.ends_at = later + kHour;
  EXPECT_NE(MustSet(changed, later + kMinute), id);
  EXPECT_EQ(silences_->Find(id)->ends_at, later);
  // One that is active begins when it began.
  changed = silences_->Find(other).value();
  changed.starts_at = later + kHour / 2;
  const std::string third = MustSet(changed, later + kMinute);
  EXPECT_NE(third, other);
  EXPECT_EQ(silences_->Find(third)->StateAt(later + kMinute), Silence::State::kPending);
}

TEST_F(SilencesTest, EndingIsAtOnceAndIdempotent) {
  const std::string active = MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  const std::string pending = MustSet(MakeSilence("a=b", kNow + kHour, kNow + 2 * kHour));
  EXPECT_TRUE(silences_->Expire(active, kNow + 1).ok());
  EXPECT_TRUE(silences_->Expire(pending, kNow + 1).ok());
  EXPECT_THAT(silences_->Silencing({{"a", "b"}}, kNow + 1), IsEmpty());
  EXPECT_THAT(silences_->Silencing({{"a", "b"}}, kNow + 3 * kHour / 2), IsEmpty());
  EXPECT_EQ(silences_->Find(pending)->starts_at, kNow + 1);
  EXPECT_TRUE(silences_->Expire(active, kNow + 2).ok());
  EXPECT_EQ(silences_->Find(active)->ends_at, kNow + 1);
  EXPECT_EQ(silences_->Expire("nobody", kNow).code(), StatusCode::kNotFound);
  EXPECT_EQ(silences_->Find("nobody").error().code(), StatusCode::kNotFound);
}

TEST_F(SilencesTest, TheyAreListedByStateAndTime) {
  const auto make = [&](std::string_view name, Nanos from, Nanos to) {
    Silence silence = MakeSilence("a=b", kNow + from, kNow + to);
    silence.comment = name;
    MustSet(silence);
  };
  make("ends late", 0, 3 * kHour);
  make("ended", 0, kMinute);
  make("begins late", 2 * kHour, 9 * kHour);
  make("ends soon", 0, kHour);
  make("ended last", 0, 2 * kMinute);
  make("begins soon", kHour, 9 * kHour);
  std::vector<std::string> listed;
  for (const Silence& silence : silences_->List(kNow + 10 * kMinute)) {
    listed.push_back(silence.comment);
  }
  EXPECT_THAT(listed, ElementsAre("ends soon", "ends late", "begins soon", "begins late",
                                  "ended last", "ended"));
}

TEST_F(SilencesTest, ARestartChangesNothing) {
  Silence silence = MakeSilence(R"(a=b,"c d"!="e",f=~"g.*",h!~"i")", kNow, kNow + kHour);
  silence.annotations = {{"ticket", "42"}};
  const std::string id = MustSet(silence);
  const std::string ended = MustSet(MakeSilence("x=y", kNow, kNow + kHour));
  ASSERT_TRUE(silences_->Expire(ended, kNow + 1).ok());
  const Silence before = silences_->Find(id).value();
  Restart();
  const Silence after = silences_->Find(id).value();
  EXPECT_EQ(after.matchers, before.matchers);
  EXPECT_EQ(after.starts_at, before.starts_at);
  EXPECT_EQ(after.ends_at, before.ends_at);
  EXPECT_EQ(after.updated_at, before.updated_at);
  EXPECT_EQ(after.created_by, "me");
  EXPECT_EQ(after.annotations, before.annotations);
  EXPECT_EQ(silences_->Find(ended)->ends_at, kNow + 1);
  EXPECT_THAT(silences_->Silencing({{"a", "b"}, {"f", "gg"}}, kNow), ElementsAre(id));
}

TEST_F(SilencesTest, WhatCannotBeReadBackIsLeftOutAlone) {
  const std::string id = MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  const std::string good = state_.entries.at(id);
  for (size_t size = 0; size < good.size(); ++size) {
    state_.entries["broken"] = good.substr(0, size);
    Restart();
    ASSERT_EQ(silences_->List(kNow).size(), 1U) << size;
  }
}

TEST_F(SilencesTest, WhatTheDiskRefusesDidNotHappen) {
  const std::string id = MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  state_.full = true;
  EXPECT_EQ(silences_->Set(MakeSilence("a=b", kNow, kNow + kHour), kNow).error().code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(silences_->Expire(id, kNow).code(), StatusCode::kUnavailable);
  silences_->Collect(kNow + 1000 * kHour);
  EXPECT_EQ(silences_->List(kNow).size(), 1U);
  EXPECT_THAT(silences_->Silencing({{"a", "b"}}, kNow), ElementsAre(id));
  state_.full = false;
  silences_->Collect(kNow + 1000 * kHour);
  EXPECT_TRUE(silences_->List(kNow).empty());
  EXPECT_TRUE(state_.entries.empty());
}

TEST_F(SilencesTest, ExpiredOnesAreForgottenAfterTheRetention) {
  options_.retention = kHour;
  Restart();
  const std::string id = MustSet(MakeSilence("a=b", kNow, kNow + kMinute));
  silences_->Collect(kNow + kMinute + kHour - 1);
  EXPECT_TRUE(silences_->Find(id).has_value());
  silences_->Collect(kNow + kMinute + kHour);
  EXPECT_FALSE(silences_->Find(id).has_value());
  EXPECT_TRUE(state_.entries.empty());
}

TEST_F(SilencesTest, ThereIsRoomForSoManyExpiredOnesIncluded) {
  options_.silences_max = 2;
  Restart();
  const std::string id = MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  MustSet(MakeSilence("a=b", kNow, kNow + kHour));
  EXPECT_THAT(ErrorOf(MakeSilence("a=b", kNow, kNow + kHour)),
              HasSubstr("exceeded maximum number of silences: 2 (limit: 2)"));
  Silence changed = silences_->Find(id).value();
  changed.matchers = *routing::ParseMatchers("x=y");
  EXPECT_EQ(silences_->Set(changed, kNow).error().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(silences_->Find(id)->ends_at, kNow + kHour);  // It was not ended either.
  changed = silences_->Find(id).value();
  changed.comment = "may be changed";
  EXPECT_EQ(MustSet(changed), id);
}

// Against asking every silence, over random changes and questions.
TEST(SilenceIndexTest, ItFindsWhatAskingAllWouldFind) {
  constexpr std::string_view kMatchers[] = {"a=1",  "a=2",        "a=1,b=1",    "b=~\"[12]\"",
                                            "a!=1", "c=\"\"",     "a=1,c=\"\"", "b=2,a=~\"1|2\"",
                                            "d=x",  "b=1,a=2,c=3"};
  std::mt19937 random(7);
  const auto pick = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  SilenceIndex index;
  std::map<std::string, routing::Matchers> all;
  for (int round = 0; round < 4000; ++round) {
    const std::string id = std::to_string(pick(200));
    if (all.erase(id) > 0) {
      index.Remove(id);
    } else {
      all[id] = *routing::ParseMatchers(kMatchers[pick(std::size(kMatchers))]);
      index.Add(id, all[id]);
    }
    const Labels labels{{"a", std::to_string(pick(3))},
                        {"b", std::to_string(pick(3))},
                        {"c", pick(2) == 0 ? "" : "3"}};
    std::set<std::string> expected;
    for (const auto& [other, matchers] : all) {
      if (routing::MatchesAll(matchers, labels)) expected.insert(other);
    }
    const std::vector<std::string> found = index.Matching(labels);
    ASSERT_EQ(std::set<std::string>(found.begin(), found.end()), expected) << round;
    ASSERT_EQ(found.size(), expected.size());
  }
}

TEST(SilenceIndexTest, ManyNewOnesAreFoundToo) {
  SilenceIndex index;
  index.Add("first", *routing::ParseMatchers("a=1"));
  EXPECT_THAT(index.Matching({{"a", "1"}}), ElementsAre("first"));
  for (int i = 0; i < 1000; ++i) {
    index.Add(std::to_string(i), *routing::ParseMatchers(i % 100 == 0 ? "a=~\"1\"" : "a=2"));
  }
  EXPECT_EQ(index.Matching({{"a", "1"}}).size(), 11U);
}

}  // namespace
}  // namespace tocsin::alerting
