// Inhibition: which alerts are kept quiet by which others.

#include "cpp/alerting/inhibitor.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::alerting {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Nanos kNow = 1'700'000'000 * kSecond;

routing::InhibitRule Rule(std::string_view source, std::string_view target,
                          std::vector<std::string> equal = {}) {
  routing::InhibitRule rule;
  rule.source = *routing::ParseMatchers(source);
  rule.target = *routing::ParseMatchers(target);
  rule.equal = std::move(equal);
  return rule;
}

Alert Firing(Labels labels) {
  Alert alert;
  alert.labels = std::move(labels);
  alert.starts_at = kNow - kMinute;
  alert.ends_at = kNow + kHour;
  return alert;
}

Inhibitor Make(std::vector<routing::InhibitRule> rules) { return Inhibitor(rules); }

TEST(InhibitorTest, AFiringSourceInhibitsTargetsThatAgreeInTheEqualLabels) {
  Inhibitor inhibitor = Make({Rule("severity=page", "severity=warn", {"cluster", "job"})});
  const Labels source{{"severity", "page"}, {"cluster", "a"}, {"job", "x"}, {"pod", "1"}};
  inhibitor.Update(Firing(source));
  const Labels target{{"severity", "warn"}, {"cluster", "a"}, {"job", "x"}, {"pod", "2"}};
  EXPECT_THAT(inhibitor.Inhibiting(target, kNow), ElementsAre(Fingerprint(source)));
  EXPECT_THAT(inhibitor.Inhibiting({{"severity", "warn"}, {"cluster", "b"}, {"job", "x"}}, kNow),
              IsEmpty());
  EXPECT_THAT(inhibitor.Inhibiting({{"severity", "info"}, {"cluster", "a"}, {"job", "x"}}, kNow),
              IsEmpty());
  EXPECT_THAT(inhibitor.Inhibiting(source, kNow), IsEmpty());
}

TEST(InhibitorTest, LabelsThatBothLackAreEqualToEachOtherAndToEmptyOnes) {
  Inhibitor inhibitor = Make({Rule("s=1", "t=1", {"e"})});
  inhibitor.Update(Firing({{"s", "1"}}));
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}}, kNow).size(), 1U);
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}, {"e", ""}}, kNow).size(), 1U);
  EXPECT_THAT(inhibitor.Inhibiting({{"t", "1"}, {"e", "x"}}, kNow), IsEmpty());
  inhibitor.Update(Firing({{"s", "1"}, {"e", "y"}}));
  EXPECT_THAT(inhibitor.Inhibiting({{"t", "1"}, {"e", "x"}}, kNow), IsEmpty());
}

TEST(InhibitorTest, ValuesOfEqualLabelsDoNotRunTogether) {
  Inhibitor inhibitor = Make({Rule("s=1", "t=1", {"a", "b"})});
  inhibitor.Update(Firing({{"s", "1"}, {"a", "xy"}, {"b", "z"}}));
  EXPECT_THAT(inhibitor.Inhibiting({{"t", "1"}, {"a", "x"}, {"b", "yz"}}, kNow), IsEmpty());
}

TEST(InhibitorTest, AResolvedSourceInhibitsNothing) {
  Inhibitor inhibitor = Make({Rule("s=1", "t=1")});
  Alert source = Firing({{"s", "1"}});
  inhibitor.Update(source);
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}}, source.ends_at - 1).size(), 1U);
  EXPECT_THAT(inhibitor.Inhibiting({{"t", "1"}}, source.ends_at), IsEmpty());  // Nobody said more.
  source.ends_at = kNow;
  inhibitor.Update(source);
  EXPECT_THAT(inhibitor.Inhibiting({{"t", "1"}}, kNow), IsEmpty());
  source.ends_at = kNow + kHour;
  inhibitor.Update(source);
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}}, kNow).size(), 1U);
  inhibitor.Forget(source.labels);
  EXPECT_THAT(inhibitor.Inhibiting({{"t", "1"}}, kNow), IsEmpty());
}

TEST(InhibitorTest, WhatMatchesBothSidesIsNotInhibitedByItsLike) {
  Inhibitor inhibitor = Make({Rule("s=1", "t=1")});
  const Labels both{{"s", "1"}, {"t", "1"}};
  const Labels both_too{{"s", "1"}, {"t", "1"}, {"x", "2"}};
  inhibitor.Update(Firing(both));
  inhibitor.Update(Firing(both_too));
  EXPECT_THAT(inhibitor.Inhibiting(both, kNow), IsEmpty());
  EXPECT_THAT(inhibitor.Inhibiting(both_too, kNow), IsEmpty());
  // They inhibit what is a target alone,
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}}, kNow).size(), 2U);
  // and are inhibited by what is a source alone.
  const Labels source{{"s", "1"}};
  inhibitor.Update(Firing(source));
  EXPECT_THAT(inhibitor.Inhibiting(both, kNow), ElementsAre(Fingerprint(source)));
}

TEST(InhibitorTest, AllRulesCountAndEachSourceOnce) {
  Inhibitor inhibitor = Make({Rule("s=1", "t=1"), Rule("s=~\".+\"", "t=1"), Rule("s=2", "t=2")});
  const Labels one{{"s", "1"}};
  const Labels two{{"s", "2"}};
  inhibitor.Update(Firing(one));
  inhibitor.Update(Firing(two));
  std::vector<uint64_t> expected{Fingerprint(one), Fingerprint(two)};
  std::ranges::sort(expected);
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}}, kNow), expected);
}

TEST(InhibitorTest, TheListIsBounded) {
  Inhibitor inhibitor = Make({Rule("s=1", "t=1")});
  for (int i = 0; i < 1000; ++i) {
    inhibitor.Update(Firing({{"s", "1"}, {"pod", std::to_string(i)}}));
  }
  EXPECT_EQ(inhibitor.Inhibiting({{"t", "1"}}, kNow).size(), Inhibitor::kListedMax);
}

}  // namespace
}  // namespace tocsin::alerting
