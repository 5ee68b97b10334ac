// Time intervals: which texts are ranges, and which moments are in them.

#include "cpp/routing/time_interval.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/base/rfc3339.h"

namespace tocsin::routing {
namespace {

using testing::HasSubstr;

Nanos At(std::string_view text) { return ParseRfc3339(text).value() * kMillisecond; }

struct Text {
  std::string_view text;
  int begin;
  int end;
};

TEST(TimeIntervalTest, RangesAreRead) {
  for (const auto& [text, begin, end] :
       {Text{"monday:friday", 1, 5}, Text{"Saturday", 6, 6}, Text{"SUNDAY:saturday", 0, 6}}) {
    EXPECT_EQ(ParseWeekdays(text), (TimeRange{begin, end})) << text;
  }
  for (const auto& [text, begin, end] : {Text{"1:5", 1, 5}, Text{"-3:-1", -3, -1}, Text{"7", 7, 7},
                                         Text{"1:-1", 1, -1}, Text{"+3:31", 3, 31}}) {
    EXPECT_EQ(ParseDaysOfMonth(text), (TimeRange{begin, end})) << text;
  }
  for (const auto& [text, begin, end] :
       {Text{"1:3", 1, 3}, Text{"may:August", 5, 8}, Text{"december", 12, 12}}) {
    EXPECT_EQ(ParseMonths(text), (TimeRange{begin, end})) << text;
  }
  EXPECT_EQ(ParseYears("2026:2030"), (TimeRange{2026, 2030}));
  EXPECT_EQ(ParseYears("2026"), (TimeRange{2026, 2026}));
  EXPECT_EQ(ParseTimes("09:00", "17:30"), (TimeRange{540, 1050}));
  EXPECT_EQ(ParseTimes("00:00", "24:00"), (TimeRange{0, 1440}));
}

TEST(TimeIntervalTest, WhatIsNoRangeIsRefused) {
  for (const std::string_view bad : {"", "mon", "friday:monday", "monday:", ":", "monday: friday",
                                     "monday:tuesday:friday", "1:5"}) {
    EXPECT_FALSE(ParseWeekdays(bad).has_value()) << bad;
  }
  for (const std::string_view bad : {"", "0", "32", "-32", "5:1", "-1:5", "-1:-3", "30:-31", "a",
                                     "1:2:3", "1.5", "+-3", "99999999999"}) {
    EXPECT_FALSE(ParseDaysOfMonth(bad).has_value()) << bad;
  }
  for (const std::string_view bad : {"", "jan", "may:april", "5:", "1-3"}) {
    EXPECT_FALSE(ParseMonths(bad).has_value()) << bad;
  }
  for (const std::string_view bad : {"", "2030:2026", "two"}) {
    EXPECT_FALSE(ParseYears(bad).has_value()) << bad;
  }
  struct Times {
    std::string_view start;
    std::string_view end;
    std::string_view error;
  };
  for (const auto& [start, end, error] :
       {Times{"", "17:00", "both start and end times"}, Times{"9:00", "17:00", "\"9:00\""},
        Times{"24:01", "24:00", "24:01"}, Times{"09:60", "10:00", "09:60"},
        Times{"25:00", "26:00", "25:00"}, Times{"09:00", "09:00", "cannot be equal"},
        Times{"10:00", "09:00", "cannot be equal"}, Times{"09:00 ", "10:00", "09:00 "}}) {
    const auto range = ParseTimes(start, end);
    ASSERT_FALSE(range.has_value()) << start << " " << end;
    EXPECT_THAT(std::string(range.error().message()), HasSubstr(error));
  }
}

TEST(TimeIntervalTest, EveryFieldThatIsGivenMustHoldTheMoment) {
  TimeInterval office;
  office.times = {*ParseTimes("09:00", "12:00"), *ParseTimes("13:00", "17:00")};
  office.weekdays = {*ParseWeekdays("monday:friday")};
  office.months = {*ParseMonths("1:6"), *ParseMonths("september:december")};
  office.years = {*ParseYears("2026")};
  EXPECT_TRUE(office.Contains(At("2026-11-23T09:00:00Z")));  // A Monday.
  EXPECT_TRUE(office.Contains(At("2026-11-23T11:59:59.999Z")));
  EXPECT_FALSE(office.Contains(At("2026-11-23T12:00:00Z")));
  EXPECT_TRUE(office.Contains(At("2026-11-23T13:00:00Z")));
  EXPECT_FALSE(office.Contains(At("2026-11-23T17:00:00Z")));
  EXPECT_FALSE(office.Contains(At("2026-11-22T10:00:00Z")));  // A Sunday.
  EXPECT_FALSE(office.Contains(At("2026-08-03T10:00:00Z")));
  EXPECT_FALSE(office.Contains(At("2027-11-22T10:00:00Z")));
  EXPECT_TRUE(TimeInterval().Contains(At("2026-11-23T00:00:00Z")));
  office.never = true;
  EXPECT_FALSE(office.Contains(At("2026-11-23T09:00:00Z")));
}

TEST(TimeIntervalTest, DaysCountFromEitherEndOfTheMonth) {
  const auto holds = [](std::string_view days, std::string_view date) {
    TimeInterval interval;
    interval.days_of_month = {*ParseDaysOfMonth(days)};
    return interval.Contains(At(std::string(date) + "T12:00:00Z"));
  };
  EXPECT_TRUE(holds("-1", "2024-02-29"));
  EXPECT_FALSE(holds("-1", "2024-02-28"));
  EXPECT_TRUE(holds("-1", "2023-02-28"));
  EXPECT_TRUE(holds("-3:-1", "2026-04-28"));
  EXPECT_FALSE(holds("-3:-1", "2026-04-27"));
  EXPECT_TRUE(holds("1:-1", "2026-04-30"));
  EXPECT_TRUE(holds("25:-1", "2026-04-25"));
  // Days that a month does not have are not in it, and a range ends with it.
  EXPECT_FALSE(holds("31", "2026-04-30"));
  EXPECT_TRUE(holds("28:31", "2023-02-28"));
  EXPECT_TRUE(holds("-31:-1", "2023-02-01"));
  EXPECT_FALSE(holds("-31", "2023-02-01"));
  EXPECT_TRUE(holds("-31", "2023-01-01"));
}

TEST(TimeIntervalTest, AnIntervalIsMeantInItsPlace) {
  TimeInterval nine_to_five;
  nine_to_five.times = {*ParseTimes("09:00", "17:00")};
  nine_to_five.location = "Europe/Berlin";
  // Winter: one hour ahead of UTC; summer: two.
  EXPECT_FALSE(nine_to_five.Contains(At("2026-01-15T07:59:00Z")));
  EXPECT_TRUE(nine_to_five.Contains(At("2026-01-15T08:00:00Z")));
  EXPECT_TRUE(nine_to_five.Contains(At("2026-07-15T07:00:00Z")));
  EXPECT_FALSE(nine_to_five.Contains(At("2026-07-15T15:00:00Z")));
  // The day is that of the place too.
  TimeInterval monday;
  monday.weekdays = {*ParseWeekdays("monday")};
  monday.location = "Australia/Sydney";
  EXPECT_TRUE(monday.Contains(At("2026-11-22T13:00:00Z")));
  EXPECT_FALSE(monday.Contains(At("2026-11-23T13:00:00Z")));
  // The last day of a month that loses an hour.
  TimeInterval last;
  last.days_of_month = {*ParseDaysOfMonth("-1")};
  last.location = "Europe/Berlin";
  EXPECT_TRUE(last.Contains(At("2026-03-30T22:00:00Z")));
  EXPECT_FALSE(last.Contains(At("2026-03-30T21:59:59Z")));
  EXPECT_FALSE(last.Contains(At("2026-03-31T22:00:00Z")));
}

TEST(TimeIntervalTest, TheHourThatSummerTimeSkipsIsNeverAndTheOneItRepeatsIsTwice) {
  TimeInterval at_night;
  at_night.times = {*ParseTimes("02:00", "03:00")};
  at_night.location = "Europe/Berlin";
  int skipped = 0;
  int repeated = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    skipped += at_night.Contains(At("2026-03-29T00:00:00+01:00") + minute * kMinute) ? 1 : 0;
    repeated += at_night.Contains(At("2026-10-25T00:00:00+02:00") + minute * kMinute) ? 1 : 0;
  }
  EXPECT_EQ(skipped, 0);
  EXPECT_EQ(repeated, 120);
}

TEST(TimeIntervalTest, ANameHoldsWhatAnyOfItsIntervalsHolds) {
  NamedInterval named{"off", {}};
  EXPECT_FALSE(named.Contains(At("2026-11-23T00:00:00Z")));
  TimeInterval weekend;
  weekend.weekdays = {*ParseWeekdays("saturday"), *ParseWeekdays("sunday")};
  TimeInterval christmas;
  christmas.days_of_month = {*ParseDaysOfMonth("25")};
  christmas.months = {*ParseMonths("december")};
  named.intervals = {weekend, christmas};
  EXPECT_TRUE(named.Contains(At("2026-11-22T00:00:00Z")));
  EXPECT_TRUE(named.Contains(At("2026-12-25T00:00:00Z")));
  EXPECT_FALSE(named.Contains(At("2026-11-25T00:00:00Z")));
}

TEST(TimeIntervalTest, OnlyPlacesOfTheDatabaseAreKnown) {
  for (const std::string_view known :
       {"", "UTC", "Local", "Europe/Berlin", "America/New_York", "Etc/GMT+5"}) {
    EXPECT_TRUE(CheckLocation(known).ok()) << known;
  }
  for (const std::string_view unknown :
       {"Europe/Tocsin", "../../etc/passwd", "/etc/localtime", "\\x", "zone.tab", "Europe"}) {
    const Status status = CheckLocation(unknown);
    EXPECT_EQ(status.code(), StatusCode::kNotFound) << unknown;
  }
}

}  // namespace
}  // namespace tocsin::routing
