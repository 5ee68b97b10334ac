#include "cpp/base/rfc3339.h"

#include <limits>
#include <optional>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(Rfc3339Test, PrintsAsGoDoes) {
  constexpr Nanos kNoon = 1'795'361'802 * kSecond;
  EXPECT_EQ(FormatRfc3339(kNoon), "2026-11-22T15:36:42Z");
  EXPECT_EQ(FormatRfc3339(kNoon + 123 * kMillisecond), "2026-11-22T15:36:42.123Z");
  EXPECT_EQ(FormatRfc3339(kNoon + 1), "2026-11-22T15:36:42.000000001Z");
  EXPECT_EQ(FormatRfc3339(-kMillisecond), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatRfc3339(0), "0001-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339(std::numeric_limits<Nanos>::min()), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(FormatRfc3339(std::numeric_limits<Nanos>::max()), "2262-04-11T23:47:16.854775807Z");
}

TEST(Rfc3339Test, MillisHaveThreeDecimals) {
  EXPECT_EQ(FormatRfc3339Millis(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatRfc3339Millis(1'795'361'802 * kSecond + 7 * kMillisecond + 999),
            "2026-11-22T15:36:42.007Z");
  EXPECT_EQ(FormatRfc3339Millis(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339Test, SecondsHaveNone) {
  EXPECT_EQ(FormatRfc3339Seconds(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatRfc3339Seconds(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(FormatRfc3339Seconds(1'767'323'045), "2026-01-02T03:04:05Z");
}

TEST(Rfc3339Test, ReadsWhatIsPrintedAndOffsets) {
  EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseRfc3339("2026-11-22T15:36:42Z"), 1'795'361'802'000);
  EXPECT_EQ(ParseRfc3339("2026-11-22t15:36:42.123456789z"), 1'795'361'802'123);
  EXPECT_EQ(ParseRfc3339("2026-11-22T15:36:42.5+01:00"), 1'795'358'202'500);
  EXPECT_EQ(ParseRfc3339("2026-11-22T15:36:42-00:30"), 1'795'363'602'000);
  EXPECT_EQ(ParseRfc3339("2024-02-29T00:00:00Z"), 1'709'164'800'000);
  EXPECT_EQ(ParseRfc3339("0001-01-01T00:00:00Z"), -62'135'596'800'000);
}

TEST(Rfc3339Test, RefusesEverythingElse) {
  for (const char* bad :
       {"", "x", "2026-11-22", "2026-13-22T00:00:00Z", "2026-00-22T00:00:00Z",
        "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-00T00:00:00Z",
        "2026-11-22T24:00:00Z", "2026-11-22T15:60:42Z", "2026-11-22T15:36:61Z",
        "2026-11-22T15:36:42", "2026-11-22T15:36:42.Z", "2026-11-22T15:36:42+1:00",
        "2026-11-22T15:36:42+24:00", "2026-11-22T15:36:42Zx", " 2026-11-22T15:36:42Z"}) {
    EXPECT_EQ(ParseRfc3339(bad), std::nullopt) << bad;
  }
}

TEST(Rfc3339Test, NanosecondsAreReadAsTheyArePrinted) {
  for (const Nanos time : {Nanos{0}, Nanos{1}, Nanos{-1}, 1'795'361'802 * kSecond + 123'456'789}) {
    EXPECT_EQ(ParseRfc3339Nanos(FormatRfc3339(time)), time);
  }
  EXPECT_EQ(ParseRfc3339Nanos("1970-01-01T01:00:00.5+01:00"), kSecond / 2);
  EXPECT_EQ(ParseRfc3339Nanos("1970-01-01T00:00:00.1234567899Z"), 123'456'789);
  EXPECT_GT(ParseRfc3339Nanos("9999-01-01T00:00:00Z"), ParseRfc3339Nanos("2261-01-01T00:00:00Z"));
  EXPECT_LT(ParseRfc3339Nanos("0001-01-02T00:00:00Z"), ParseRfc3339Nanos("1678-01-01T00:00:00Z"));
  EXPECT_EQ(ParseRfc3339Nanos("yesterday"), std::nullopt);
}

}  // namespace
}  // namespace tocsin
