/// Points in time taken apart: UTC, proleptic Gregorian calendar.

#pragma once

#include <cstdint>

namespace tocsin {

struct CivilTime {
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
CivilTime ToCivil(int64_t unix_seconds);

/// Rounds towards the past, where C++ rounds towards the epoch. REQUIRES: b > 0.
constexpr int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
/// What FloorDivide leaves: from 0 to b - 1. REQUIRES: b > 0.
constexpr int64_t FloorModulo(int64_t a, int64_t b) { return a % b + (a % b < 0 ? b : 0); }

}  // namespace tocsin
