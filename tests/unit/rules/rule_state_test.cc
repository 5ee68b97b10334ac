// Saved states come back exactly, and bytes that were not written by us are refused.

#include "cpp/rules/rule_state.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::rules {
namespace {

ActiveAlert Firing() {
  ActiveAlert alert;
  alert.labels = Labels{{"alertname", "A"}, {"job", "x"}};
  alert.annotations = {{"empty", ""}, {"summary", "Error rate is 7.5%"}};
  alert.value = 0.075;
  alert.state = AlertState::kFiring;
  alert.active_at = 1'700'000'000 * kSecond;
  alert.fired_at = alert.active_at + 5 * kMinute;
  alert.keep_firing_since = alert.active_at + 6 * kMinute;
  alert.valid_until = alert.active_at + 9 * kMinute;
  return alert;
}

std::vector<ActiveAlert> Three() {
  ActiveAlert pending;
  pending.labels = Labels{{"alertname", "A"}, {"job", "y"}};
  pending.value = StaleNan();
  pending.active_at = -5;
  ActiveAlert resolved = Firing();
  resolved.labels.Set("job", "z");
  resolved.state = AlertState::kInactive;
  resolved.resolved_at = resolved.active_at + kHour;
  resolved.keep_firing_since.reset();
  return {Firing(), pending, resolved};
}

void ExpectEqual(const ActiveAlert& a, const ActiveAlert& b) {
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.annotations, b.annotations);
  EXPECT_EQ(std::bit_cast<uint64_t>(a.value), std::bit_cast<uint64_t>(b.value));
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.active_at, b.active_at);
  EXPECT_EQ(a.fired_at, b.fired_at);
  EXPECT_EQ(a.resolved_at, b.resolved_at);
  EXPECT_EQ(a.keep_firing_since, b.keep_firing_since);
  EXPECT_EQ(a.valid_until, b.valid_until);
}

TEST(RuleStateTest, AlertsRoundTrip) {
  const std::vector<ActiveAlert> alerts = Three();
  const auto decoded = DecodeAlerts(EncodeAlerts(alerts));
  ASSERT_TRUE(decoded.has_value());
  ASSERT_EQ(decoded->size(), 3U);
  for (size_t i = 0; i < 3; ++i) ExpectEqual((*decoded)[i], alerts[i]);
  EXPECT_TRUE(DecodeAlerts(EncodeAlerts({}))->empty());
}

TEST(RuleStateTest, WhenItWasSentIsNotKept) {
  ActiveAlert alert = Firing();
  alert.last_sent_at = 5;
  const std::vector<ActiveAlert> alerts{alert};
  EXPECT_FALSE((*DecodeAlerts(EncodeAlerts(alerts)))[0].last_sent_at.has_value());
}

TEST(RuleStateTest, SeriesAndTimesRoundTrip) {
  const std::vector<Labels> series{Labels{{"__name__", "a"}}, Labels{{"b", "c"}, {"d", "e"}}};
  EXPECT_EQ(*DecodeSeries(EncodeSeries(series)), series);
  for (const Nanos time : {Nanos{0}, Nanos{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(*DecodeTime(EncodeTime(time)), time);
  }
}

TEST(RuleStateTest, EveryTruncationIsCorruption) {
  const std::string alerts = EncodeAlerts(Three());
  for (size_t size = 0; size < alerts.size(); ++size) {
    const auto decoded = DecodeAlerts(std::string_view(alerts).substr(0, size));
    ASSERT_FALSE(decoded.has_value()) << size;
    EXPECT_EQ(decoded.error().code(), StatusCode::kCorruption);
  }
  EXPECT_FALSE(DecodeAlerts(alerts + "x").has_value());
  const std::vector<Labels> list{Labels{{"b", "c"}}};
  const std::string series = EncodeSeries(list);
  for (size_t size = 0; size < series.size(); ++size) {
    EXPECT_FALSE(DecodeSeries(std::string_view(series).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeTime("").has_value());
  EXPECT_FALSE(DecodeTime(EncodeTime(1'000'000).substr(0, 2)).has_value());
}

TEST(RuleStateTest, EveryBitFlipIsHandled) {
  // The store checks checksums; here it only matters that no byte string does harm.
  const std::string alerts = EncodeAlerts(Three());
  for (size_t bit = 0; bit < alerts.size() * 8; ++bit) {
    std::string damaged = alerts;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = DecodeAlerts(damaged);
    if (!decoded.has_value()) continue;
    for (const ActiveAlert& alert : *decoded) {
      EXPECT_EQ(alert.state == AlertState::kInactive, alert.resolved_at.has_value());
    }
  }
}

TEST(RuleStateTest, OneKindIsNotTakenForAnother) {
  EXPECT_FALSE(DecodeAlerts(EncodeSeries({})).has_value());
  EXPECT_FALSE(DecodeSeries(EncodeAlerts({})).has_value());
  EXPECT_FALSE(DecodeTime(EncodeSeries({})).has_value());
}

}  // namespace
}  // namespace tocsin::rules
