#include "cpp/promql/calendar.h"

#include <ctime>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace tocsin::promql {
namespace {

void ExpectAsLibc(int64_t seconds) {
  const time_t t = seconds;
  tm expected{};
  ASSERT_NE(gmtime_r(&t, &expected), nullptr);
  const CalendarTime time = ToCalendar(seconds);
  ASSERT_EQ(time.year, expected.tm_year + int64_t{1900}) << seconds;
  ASSERT_EQ(time.month, expected.tm_mon + 1) << seconds;
  ASSERT_EQ(time.day, expected.tm_mday) << seconds;
  ASSERT_EQ(time.weekday, expected.tm_wday) << seconds;
  ASSERT_EQ(time.day_of_year, expected.tm_yday + 1) << seconds;
  ASSERT_EQ(time.hour, expected.tm_hour) << seconds;
  ASSERT_EQ(time.minute, expected.tm_min) << seconds;
  ASSERT_EQ(time.second, expected.tm_sec) << seconds;
}

TEST(CalendarTest, AgreesWithLibcOnEveryDayOfFiveCenturies) {
  for (int64_t day = -100 * 366; day < 400 * 366; ++day) ExpectAsLibc(day * 86'400);
}

TEST(CalendarTest, AgreesWithLibcFarAway) {
  std::mt19937_64 random(5);
  std::uniform_int_distribution<int64_t> seconds(-1'000'000'000'000, 1'000'000'000'000);
  for (int i = 0; i < 20'000; ++i) ExpectAsLibc(seconds(random));
}

TEST(CalendarTest, MonthsHaveTheirDays) {
  EXPECT_EQ(ToCalendar(0).days_in_month, 31);
  EXPECT_EQ(ToCalendar(1709164800).days_in_month, 29);  // 2024-02-29
  EXPECT_EQ(ToCalendar(4105123200).days_in_month, 28);  // 2100-02-01
}

TEST(CalendarTest, TheEndsOfTheTypeAreHarmless) {
  EXPECT_GT(ToCalendar(std::numeric_limits<int64_t>::max()).year, 1'000'000);
  EXPECT_LT(ToCalendar(std::numeric_limits<int64_t>::min()).year, -1'000'000);
}

TEST(CalendarTest, FormatsAsRfc3339) {
  EXPECT_EQ(FormatUtcSeconds(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatUtcSeconds(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(FormatUtcSeconds(1'767'323'045'999), "2026-01-02T03:04:05Z");
}

}  // namespace
}  // namespace tocsin::promql
