/// Moments and spans of time as Go's package time writes them. A layout shows how
/// Mon Jan 2 15:04:05 -0700 2006 is to look.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/civil_time.h"
#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// The moment taken apart, without its nanoseconds.
CivilTime ToCivil(Time time);

/// time.Time.Format.
std::string FormatTime(Time time, std::string_view layout);

/// time.Time.String: "2015-06-23 13:19:44.128 +0000 UTC".
std::string TimeString(Time time);

/// time.Time.GoString: "time.Date(2015, time.June, 23, 13, 19, 44, 128000000, time.UTC)".
std::string TimeSource(Time time);

/// "1h2m3.5s", as time.Duration prints itself.
std::string FormatGoDuration(Duration duration);

std::string_view MonthName(int month);      ///< 1 is "January".
std::string_view WeekdayName(int weekday);  ///< 0 is "Sunday".

}  // namespace tocsin::tmpl
