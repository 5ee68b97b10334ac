// Texts that are read as moments, by Go's layouts.

#include "cpp/template/time_parse.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "cpp/template/time_format.h"

namespace tocsin::tmpl {
namespace {

/// As Go prints it, or what is wrong.
std::string Read(std::string_view layout, std::string_view text) {
  const Result<Time> time = ParseTime(layout, text);
  return time.has_value() ? TimeString(*time) : std::string(time.error().message());
}

TEST(ParseTimeTest, ReadsWhatFormatsWrite) {
  constexpr std::string_view kRfc3339 = "2006-01-02T15:04:05Z07:00";
  EXPECT_EQ(Read(kRfc3339, "2024-05-09T08:07:06Z"), "2024-05-09 08:07:06 +0000 UTC");
  EXPECT_EQ(Read(kRfc3339, "2024-05-09T08:07:06.25+05:30"), "2024-05-09 08:07:06.25 +0530 ");
  EXPECT_EQ(Read("Mon, 02 Jan 2006 15:04:05 MST", "Thu, 09 May 2024 08:07:06 UTC"),
            "2024-05-09 08:07:06 +0000 UTC");
  EXPECT_EQ(Read("Monday, January 2, 2006 at 3:04pm", "Thursday, May 9, 2024 at 8:07pm"),
            "2024-05-09 20:07:00 +0000 UTC");
  EXPECT_EQ(Read("1/2/06 03:04:05 PM", "5/9/24 12:07:06 AM"), "2024-05-09 00:07:06 +0000 UTC");
  EXPECT_EQ(Read("2006-002", "2024-060"), "2024-02-29 00:00:00 +0000 UTC");
  EXPECT_EQ(Read("2006 _2 Jan .000", "1999  9 jan .125"), "1999-01-09 00:00:00.125 +0000 UTC");
  EXPECT_EQ(Read("20060102-0700", "20240509-0130"), "2024-05-09 00:00:00 -0130 ");
  EXPECT_EQ(ParseTime(kRfc3339, "1970-01-01T01:00:00+01:00")->unix_nanos, 0);
}

TEST(ParseTimeTest, EveryLayoutReadsWhatItHasWritten) {
  const Time time{1'715'242'026 * kSecond + 5 * kMillisecond};
  for (const std::string_view layout :
       {"2006-01-02 15:04:05.000 -0700", "Jan _2 2006 15:04:05.999", "02 January 06 3:04:05.000PM",
        "Mon 2006-__2 15:04:05.000 Z07", "2006-1-2T15:4:5.000Z0700"}) {
    const Result<Time> read = ParseTime(layout, FormatTime(time, layout));
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(read->unix_nanos, time.unix_nanos) << layout;
  }
}

TEST(ParseTimeTest, WhatCannotBeReadIsSaidInGosWords) {
  EXPECT_EQ(Read("2006-01-02", "2024-May-09"),
            R"(parsing time "2024-May-09" as "2006-01-02": cannot parse "May-09" as "01")");
  EXPECT_EQ(Read("2006-01-02", "2024-05-09T"),
            R"(parsing time "2024-05-09T" as "2006-01-02": extra text: "T")");
  EXPECT_EQ(Read("2006-01-02", "2023-02-29"), R"(parsing time "2023-02-29": day out of range)");
  EXPECT_EQ(Read("2006-01-02", "2023-13-29"), R"(parsing time "2023-13-29": month out of range)");
  EXPECT_EQ(Read("2006 15", "2023 24"), R"(parsing time "2023 24": hour out of range)");
  EXPECT_EQ(Read("2006-002", "2023-366"), R"(parsing time "2023-366": day-of-year out of range)");
  EXPECT_EQ(Read("2006", "9999"), R"(parsing time "9999": year out of range)");
  EXPECT_EQ(Read("15:04", "10:00"), R"(parsing time "10:00": year out of range)");
  EXPECT_EQ(Read("2006", ""), R"(parsing time "" as "2006": cannot parse "" as "2006")");
}

}  // namespace
}  // namespace tocsin::tmpl
