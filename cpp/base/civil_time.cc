#include "cpp/base/civil_time.h"

#include <algorithm>
#include <array>

namespace tocsin {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

bool IsLeapYear(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr std::array<int, 12> kDaysInMonth = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

int DaysInMonth(int64_t year, int month) {
  return month == 2 && IsLeapYear(year) ? 29 : kDaysInMonth.at(static_cast<size_t>(month - 1));
}

// Days from the epoch to the first of January.
int64_t DaysBefore(int64_t year) {
  const int64_t y = year - 1;
  const int64_t leap_days = FloorDivide(y, 4) - FloorDivide(y, 100) + FloorDivide(y, 400);
  constexpr int64_t kLeapDaysBefore1970 = 1969 / 4 - 1969 / 100 + 1969 / 400;
  return (year - 1970) * 365 + leap_days - kLeapDaysBefore1970;
}

}  // namespace

CivilTime ToCivil(int64_t unix_seconds) {
  constexpr int64_t kFarAway = int64_t{100'000'000} * 366 * kSecondsPerDay;
  const int64_t seconds = std::clamp(unix_seconds, -kFarAway, kFarAway);
  const int64_t days = FloorDivide(seconds, kSecondsPerDay);
  const int64_t second_of_day = seconds - days * kSecondsPerDay;

  CivilTime time;
  time.year = 1970 + FloorDivide(days * 400, 146'097);
  while (DaysBefore(time.year) > days) --time.year;
  while (DaysBefore(time.year + 1) <= days) ++time.year;
  int64_t day = days - DaysBefore(time.year);
  time.day_of_year = static_cast<int>(day) + 1;
  while (day >= DaysInMonth(time.year, time.month)) {
    day -= DaysInMonth(time.year, time.month);
    ++time.month;
  }
  time.day = static_cast<int>(day) + 1;
  time.days_in_month = DaysInMonth(time.year, time.month);
  time.weekday = static_cast<int>(days + 4 - FloorDivide(days + 4, 7) * 7);
  time.hour = static_cast<int>(second_of_day / 3600);
  time.minute = static_cast<int>(second_of_day / 60 % 60);
  time.second = static_cast<int>(second_of_day % 60);
  return time;
}

}  // namespace tocsin
