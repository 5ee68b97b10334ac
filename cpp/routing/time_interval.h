/// Named spans of recurring time, in which routes are mute or active.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::routing {

/// Both ends included, but the end of minutes, which is not.
struct TimeRange {
  int begin = 0;
  int end = 0;
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

/// A moment is in it if every field that is not empty holds it.
struct TimeInterval {
  std::vector<TimeRange> times;          ///< Minutes of the day, 0 to 1440.
  std::vector<TimeRange> weekdays;       ///< 0 is Sunday.
  std::vector<TimeRange> days_of_month;  ///< 1 to 31, or -1 (the last day) to -31.
  std::vector<TimeRange> months;         ///< 1 to 12.
  std::vector<TimeRange> years;
  bool never = false;    ///< One of the lists was given and is empty: no moment is in it.
  std::string location;  ///< Of the tz database; "" is UTC, "Local" the machine's.

  /// `at`: nanoseconds since 1970, UTC. An unknown location (refused when read) counts as UTC.
  bool Contains(Nanos at) const;
};

struct NamedInterval {
  std::string name;
  std::vector<TimeInterval> intervals;  ///< A moment is in it if any holds it.

  bool Contains(Nanos at) const;
};

// Each reads one element of Alertmanager's lists and says what is wrong with it
// (kInvalidArgument).
Result<TimeRange> ParseTimes(std::string_view start, std::string_view end);  ///< "HH:MM", "24:00".
Result<TimeRange> ParseWeekdays(std::string_view text);                      ///< "monday:friday".
Result<TimeRange> ParseDaysOfMonth(std::string_view text);                   ///< "1:5", "-3:-1".
Result<TimeRange> ParseMonths(std::string_view text);  ///< "1:3", "may:august".
Result<TimeRange> ParseYears(std::string_view text);   ///< "2026:2030".
/// Ok if the machine knows the location.
Status CheckLocation(std::string_view location);

}  // namespace tocsin::routing
