/// Moments written by Go's reference layouts, in which the layout shows how
/// Mon Jan 2 15:04:05 -0700 2006 is to look.

#pragma once

#include <string>
#include <string_view>

#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// A moment taken apart, in UTC. The proleptic Gregorian calendar.
struct CivilTime {
  int year = 1970;
  int month = 1;  ///< 1 to 12.
  int day = 1;    ///< 1 to 31.
  int hour = 0;
  int minute = 0;
  int second = 0;
  int nanosecond = 0;
  int weekday = 4;   ///< 0 is Sunday.
  int year_day = 1;  ///< 1 to 366.
};

CivilTime ToCivil(Time time);

/// time.Time.Format.
std::string FormatTime(Time time, std::string_view layout);

/// time.Time.String: "2015-06-23 13:19:44.128 +0000 UTC".
std::string TimeString(Time time);

std::string_view MonthName(int month);      ///< 1 is "January".
std::string_view WeekdayName(int weekday);  ///< 0 is "Sunday".

}  // namespace tocsin::tmpl
