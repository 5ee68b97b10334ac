// Time zones: the files of the tz database, and the rule for the years behind their end.

#include "cpp/routing/time_zone.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/rfc3339.h"

namespace tocsin::routing {
namespace {

int64_t At(std::string_view text) { return ParseRfc3339(text).value() / 1000; }

int64_t HoursOf(std::string_view rule, std::string_view at) {
  const auto parsed = ZoneRule::Parse(rule);
  EXPECT_TRUE(parsed.has_value()) << rule;
  return parsed.has_value() ? parsed->OffsetAt(At(at)) / 3600 : 99;
}

TEST(ZoneRuleTest, SummerTimeBeginsAndEndsWithTheRule) {
  constexpr std::string_view kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";
  EXPECT_EQ(HoursOf(kBerlin, "2100-03-28T00:59:59Z"), 1);
  EXPECT_EQ(HoursOf(kBerlin, "2100-03-28T01:00:00Z"), 2);
  EXPECT_EQ(HoursOf(kBerlin, "2100-10-31T00:59:59Z"), 2);
  EXPECT_EQ(HoursOf(kBerlin, "2100-10-31T01:00:00Z"), 1);
  constexpr std::string_view kSydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
  EXPECT_EQ(HoursOf(kSydney, "2100-01-01T00:00:00Z"), 11);
  EXPECT_EQ(HoursOf(kSydney, "2100-07-01T00:00:00Z"), 10);
  EXPECT_EQ(HoursOf(kSydney, "2100-12-31T23:59:59Z"), 11);
}

TEST(ZoneRuleTest, AllNotationsOfDaysAndTimes) {
  EXPECT_EQ(HoursOf("UTC0", "2026-01-01T00:00:00Z"), 0);
  EXPECT_EQ(HoursOf("<+0530>-5:30", "2026-01-01T00:00:00Z"), 5);
  EXPECT_EQ(HoursOf("EST5EDT4,J60/0,J300/0", "2024-03-01T05:00:00Z"), -4);  // Never the 29th.
  EXPECT_EQ(HoursOf("EST5EDT4,J60/0,J300/0", "2024-03-01T04:59:59Z"), -5);
  EXPECT_EQ(HoursOf("EST5EDT,59/0,300/0", "2024-02-29T05:00:00Z"), -4);  // Counts from 0.
  EXPECT_EQ(HoursOf("EST5EDT,59/0,300/0", "2023-03-01T04:59:59Z"), -5);
  // Greenland: the day before, at a negative hour.
  EXPECT_EQ(HoursOf("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z"), -2);
  EXPECT_EQ(HoursOf("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z"), -1);
}

TEST(ZoneRuleTest, WhatIsNoRuleIsRefused) {
  for (const std::string_view bad :
       {"", "A", "CET", "CET-", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1", "<CET-1",
        "CET-1CEST,J366,J1", "CET-999", "CET-1CEST,M3.5.0,M10.5.0x", "CET-1:60"}) {
    EXPECT_FALSE(ZoneRule::Parse(bad).has_value()) << bad;
  }
}

std::string BigEndian(int64_t value, size_t size) {
  std::string bytes;
  for (size_t i = size; i > 0; --i) {
    bytes.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * (i - 1)) & 0xffU));
  }
  return bytes;
}

// A file with two types (UTC and an hour east) and changes between them; version 2 with a rule.
std::string File(const std::vector<std::pair<int64_t, int>>& changes, std::string_view rule) {
  const auto block = [&](size_t time_size, char version) {
    std::string out = "TZif";
    out.push_back(version);
    out.append(15, '\0');
    const auto count = static_cast<int64_t>(changes.size());
    for (const int64_t n : {int64_t{0}, int64_t{0}, int64_t{0}, count, int64_t{2}, int64_t{4}}) {
      out.append(BigEndian(n, 4));
    }
    for (const auto& [at, type] : changes) out.append(BigEndian(at, time_size));
    for (const auto& [at, type] : changes) out.push_back(static_cast<char>(type));
    out.append(BigEndian(0, 4)).append(2, '\0').append(BigEndian(3600, 4)).append(2, '\0');
    return out.append("UTC").append(1, '\0');
  };
  return block(4, '2') + block(8, '2') + "\n" + std::string(rule) + "\n";
}

TEST(TimeZoneTest, ChangesCountFromTheirSecondAndTheRuleBehindTheLast) {
  const auto zone = TimeZone::Parse(File({{1000, 1}, {2000, 0}}, "XXX-5"));
  ASSERT_TRUE(zone.has_value()) << zone.error().ToString();
  EXPECT_EQ(zone->OffsetAt(-5'000'000'000), 0);
  EXPECT_EQ(zone->OffsetAt(999), 0);
  EXPECT_EQ(zone->OffsetAt(1000), 3600);
  EXPECT_EQ(zone->OffsetAt(1999), 3600);
  EXPECT_EQ(zone->OffsetAt(2000), 5 * 3600);
  const auto without = TimeZone::Parse(File({{1000, 1}}, ""));
  ASSERT_TRUE(without.has_value());
  EXPECT_EQ(without->OffsetAt(5'000'000'000), 3600);
}

TEST(TimeZoneTest, DamagedFilesAreRefusedOrReadAndNeverOverrun) {
  const std::string good = File({{1000, 1}, {2000, 0}}, "CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(TimeZone::Parse(good).has_value());
  for (size_t size = 0; size < good.size(); ++size) {
    const auto zone = TimeZone::Parse(good.substr(0, size));
    if (zone.has_value()) {
      EXPECT_EQ(zone->OffsetAt(1500), 3600) << size;
    }
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[i] = byte;
      const auto zone = TimeZone::Parse(bad);
      if (zone.has_value()) (void)zone->OffsetAt(1500);
    }
  }
  EXPECT_FALSE(TimeZone::Parse(File({{1000, 2}}, "")).has_value());             // No such type.
  EXPECT_FALSE(TimeZone::Parse(File({{2000, 1}, {1000, 0}}, "")).has_value());  // Not in order.
}

TEST(TimeZoneTest, TheDatabaseOfTheMachineIsRead) {
  const auto zone = FindZone("America/New_York");
  ASSERT_TRUE(zone.has_value()) << zone.error().ToString();
  EXPECT_EQ((*zone)->OffsetAt(At("2026-01-15T12:00:00Z")), -5 * 3600);
  EXPECT_EQ((*zone)->OffsetAt(At("2026-07-15T12:00:00Z")), -4 * 3600);
  EXPECT_EQ((*zone)->At(At("2026-01-15T12:00:00Z")).name, "EST");
  EXPECT_EQ((*zone)->At(At("2099-07-15T12:00:00Z")).name, "EDT");
  EXPECT_EQ(FindZone("").value()->At(0).name, "UTC");
  EXPECT_EQ((*zone)->OffsetAt(At("2099-07-15T12:00:00Z")), -4 * 3600);
  EXPECT_EQ((*zone)->OffsetAt(At("1970-01-01T00:00:00Z")), -5 * 3600);
  EXPECT_EQ(FindZone("America/New_York").value(), *zone);  // Kept.
}

}  // namespace
}  // namespace tocsin::routing
