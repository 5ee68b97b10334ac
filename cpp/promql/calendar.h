/// The calendar functions of PromQL: UTC, proleptic Gregorian.

#pragma once

#include <cstdint>
#include <string>

#include "cpp/model/labels.h"

namespace tocsin::promql {

struct CalendarTime {
  int64_t year = 1970;
  int month = 1;        ///< From 1.
  int day = 1;          ///< From 1.
  int weekday = 4;      ///< Sunday is 0.
  int day_of_year = 1;  ///< From 1.
  int days_in_month = 31;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

/// Of seconds since the Unix epoch. What is farther away than a hundred million years is taken as
/// if it were just there.
CalendarTime ToCalendar(int64_t unix_seconds);

/// "2026-01-02T03:04:05Z"
std::string FormatUtcSeconds(Millis t);

}  // namespace tocsin::promql
