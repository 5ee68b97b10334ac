#include "cpp/base/civil_time.h"

#include <ctime>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

void ExpectAsLibc(int64_t seconds) {
  const time_t t = seconds;
  tm expected{};
  ASSERT_NE(gmtime_r(&t, &expected), nullptr);
  const CivilTime time = ToCivil(seconds);
  ASSERT_EQ(time.year, expected.tm_year + int64_t{1900}) << seconds;
  ASSERT_EQ(time.month, expected.tm_mon + 1) << seconds;
  ASSERT_EQ(time.day, expected.tm_mday) << seconds;
  ASSERT_EQ(time.weekday, expected.tm_wday) << seconds;
  ASSERT_EQ(time.day_of_year, expected.tm_yday + 1) << seconds;
  ASSERT_EQ(time.hour, expected.tm_hour) << seconds;
  ASSERT_EQ(time.minute, expected.tm_min) << seconds;
  ASSERT_EQ(time.second, expected.tm_sec) << seconds;
}

TEST(CivilTimeTest, AgreesWithLibcOnEveryDayOfFiveCenturies) {
  for (int64_t day = -100 * 366; day < 400 * 366; ++day) ExpectAsLibc(day * 86'400);
}

TEST(CivilTimeTest, AgreesWithLibcFarAway) {
  std::mt19937_64 random(5);
  std::uniform_int_distribution<int64_t> seconds(-1'000'000'000'000, 1'000'000'000'000);
  for (int i = 0; i < 20'000; ++i) ExpectAsLibc(seconds(random));
}

TEST(CivilTimeTest, MonthsHaveTheirDays) {
  EXPECT_EQ(ToCivil(0).days_in_month, 31);
  EXPECT_EQ(ToCivil(1709164800).days_in_month, 29);  // 2024-02-29
  EXPECT_EQ(ToCivil(4105123200).days_in_month, 28);  // 2100-02-01
}

TEST(CivilTimeTest, TheEndsOfTheTypeAreHarmless) {
  EXPECT_GT(ToCivil(std::numeric_limits<int64_t>::max()).year, 1'000'000);
  EXPECT_LT(ToCivil(std::numeric_limits<int64_t>::min()).year, -1'000'000);
}

}  // namespace
}  // namespace tocsin
