/// What times and durations compute for their methods. Private to this folder.

#pragma once

#include <cstdint>
#include <optional>

#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// time.Month and time.Weekday of Go: integers that print as names.
Value MonthValue(int month);
Value WeekdayValue(int weekday);

/// Since the Unix epoch, rounded towards the past; `unit` divides or is a second. Of the beginning
/// of the year 1 as well, as far as int64 holds that.
int64_t SinceEpoch(Time time, Nanos unit);

/// The fraction of the second.
int64_t NanosecondOf(Time time);

/// nullopt beyond what a Time holds.
std::optional<Time> Shift(Time time, Duration by);
/// The same time of another day; days and months beyond their ends go on in the next.
std::optional<Time> ShiftDate(Time time, int64_t years, int64_t months, int64_t days);

/// To multiples of `unit` since the beginning of the year 1; half is rounded up. What is not above
/// zero leaves the time as it is.
Time TruncateTime(Time time, Duration unit);
std::optional<Time> RoundTime(Time time, Duration unit);

/// To multiples of `unit`, towards zero and to the nearest, half away from zero; saturates.
Duration TruncateDuration(Duration duration, Duration unit);
Duration RoundDuration(Duration duration, Duration unit);
Duration Absolute(Duration duration);

}  // namespace tocsin::tmpl
