// Durations in both notations: what is read, what is refused, and that what is printed reads back.

#include "cpp/base/duration.h"

#include <limits>
#include <optional>
#include <random>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(DurationTest, EveryUnitIsRead) {
  const std::pair<std::string_view, Nanos> rows[] = {
      {"0", 0},
      {"0s", 0},
      {"5ms", 5 * kMillisecond},
      {"30s", 30 * kSecond},
      {"5m", 5 * kMinute},
      {"1h30m", 90 * kMinute},
      {"1d", kDay},
      {"2w", 14 * kDay},
      {"1y", 365 * kDay},
      {"1y2w3d4h5m6s7ms",
       (365 + 14 + 3) * kDay + 4 * kHour + 5 * kMinute + 6 * kSecond + 7 * kMillisecond},
      {"300s", 5 * kMinute},
  };
  for (const auto& [text, want] : rows) {
    const Result<Nanos> got = ParseDuration(text);
    ASSERT_TRUE(got.has_value()) << text;
    EXPECT_EQ(*got, want) << text;
  }
}

TEST(DurationTest, EverythingElseIsRefused) {
  for (const std::string_view text :
       {"", "5", "s", "5x", "1.5h", "-5m", "5m ", " 5m", "1m1h", "1m1m", "5M", "1h5", "1hm", "m5",
        "300y", "99999999999999999999s", "292y280d"}) {
    const Result<Nanos> got = ParseDuration(text);
    ASSERT_FALSE(got.has_value()) << text;
    EXPECT_EQ(got.error().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(DurationTest, IsPrintedAsPrometheusPrintsIt) {
  const std::pair<Nanos, std::string_view> rows[] = {
      {0, "0s"},
      {90 * kSecond, "1m30s"},
      {kDay, "1d"},
      {8 * kDay, "8d"},
      {14 * kDay, "2w"},
      {365 * kDay, "1y"},
      {1'500 * kMillisecond, "1s500ms"},
      {kMillisecond / 2, "0s"},
      {-kMinute, "-1m"},
      {25 * kHour, "1d1h"},
  };
  for (const auto& [duration, want] : rows) EXPECT_EQ(FormatDuration(duration), want);
}

TEST(DurationTest, WhatIsPrintedReadsBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto bits = random() % 63;
    const Nanos duration =
        static_cast<Nanos>(random() >> (64 - bits - 1) >> 1) / kMillisecond * kMillisecond;
    const Result<Nanos> back = ParseDuration(FormatDuration(duration));
    ASSERT_TRUE(back.has_value()) << FormatDuration(duration);
    EXPECT_EQ(*back, duration);
  }
}

TEST(DurationTest, PeriodsHaveFractionsAndEveryUnit) {
  constexpr std::pair<std::string_view, Nanos> kGood[] = {
      {"0", 0},
      {"0s", 0},
      {"10s", 10 * kSecond},
      {"5m", 5 * kMinute},
      {"720h", 720 * kHour},
      {"30d", 30 * kDay},
      {"2w", 14 * kDay},
      {"1y", 365 * kDay},
      {"1h30m", 90 * kMinute},
      {"1.5h", 90 * kMinute},
      {".5s", 500 * kMillisecond},
      {"30m1h", 90 * kMinute},
      {"100ms", 100 * kMillisecond},
      {"250us", 250 * kMicrosecond},
      {"250µs", 250 * kMicrosecond},
      {"7ns", 7},
      {"1d2h3m4s5ms", kDay + 2 * kHour + 3 * kMinute + 4 * kSecond + 5 * kMillisecond},
  };
  for (const auto& [text, period] : kGood) EXPECT_EQ(ParsePeriod(text), period) << text;
  for (const std::string_view bad :
       {"", "10", "s", "5q", "-5s", "5 s", "5s ", "1.2.3s", "300y", "1h-5m", "5M", "1.h", ".s",
        "1e3s", "99999999999999999999s", "292y280d"}) {
    EXPECT_EQ(ParsePeriod(bad), std::nullopt) << bad;
  }
}

TEST(DurationTest, PeriodsPrintExactly) {
  for (const Nanos period : {Nanos{0}, Nanos{1}, kMillisecond, kSecond, 90 * kMinute, 30 * kDay,
                             kDay + 1, std::numeric_limits<Nanos>::max()}) {
    EXPECT_EQ(ParsePeriod(FormatPeriod(period)), period) << FormatPeriod(period);
  }
  EXPECT_EQ(FormatPeriod(90 * kSecond), "1m30s");
  EXPECT_EQ(FormatPeriod(30 * kDay), "720h");
}

}  // namespace
}  // namespace tocsin
