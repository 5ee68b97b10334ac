#include "cpp/template/time_methods.h"

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/base/civil_time.h"
#include "cpp/base/clock.h"
#include "cpp/template/time_format.h"

namespace tocsin::tmpl {
namespace {

constexpr int64_t kYearOne = -62'135'596'800;  ///< Seconds.

__extension__ using Wide = __int128;

/// Nanoseconds since the beginning of the year 1, which are not below zero.
Wide SinceYearOne(Time time) {
  if (time.unix_nanos == kZeroTime) return 0;
  return Wide{time.unix_nanos} - Wide{kYearOne} * kSecond;
}

std::optional<Time> FromYearOne(Time like, Wide nanos) {
  const Wide unix_nanos = nanos + Wide{kYearOne} * kSecond;
  if (nanos == 0) {
    like.unix_nanos = kZeroTime;
  } else if (unix_nanos > INT64_MIN && unix_nanos <= INT64_MAX) {
    like.unix_nanos = static_cast<Nanos>(unix_nanos);
  } else {
    return std::nullopt;
  }
  return like;
}

/// A type of integers that print as names.
NamedType NamesOf(std::string type_name, std::string_view (*name_of)(int)) {
  NamedType type;
  type.name = std::move(type_name);
  type.print = [name_of](const Value& value) {
    return std::string(name_of(static_cast<int>(*value.AsInt())));
  };
  type.methods["String"] = {
      0, [print = type.print](const Value& value, std::span<const Value>) -> Result<Value> {
        return Value(print(value));
      }};
  return type;
}

/// Whether it is nearer to the multiple below.
bool BelowHalf(int64_t rest, int64_t unit) { return rest < unit - rest; }

}  // namespace

Value MonthValue(int month) {
  static const NamedType type = NamesOf("time.Month", MonthName);
  return Value(int64_t{month}, &type);
}

Value WeekdayValue(int weekday) {
  static const NamedType type = NamesOf("time.Weekday", WeekdayName);
  return Value(int64_t{weekday}, &type);
}

int64_t SinceEpoch(Time time, Nanos unit) {
  if (time.unix_nanos != kZeroTime) return FloorDivide(time.unix_nanos, unit);
  int64_t units = 0;
  // Go lets it overflow; the low bits are what it gives.
  (void)__builtin_mul_overflow(kYearOne, kSecond / unit, &units);
  return units;
}

int64_t NanosecondOf(Time time) {
  return time.unix_nanos == kZeroTime ? 0 : FloorModulo(time.unix_nanos, kSecond);
}

std::optional<Time> Shift(Time time, Duration by) {
  return FromYearOne(time, SinceYearOne(time) + by.nanos);
}

std::optional<Time> ShiftDate(Time time, int64_t years, int64_t months, int64_t days) {
  // More of any of them leads out of what a Time holds.
  constexpr int64_t kMost = 1'000'000;
  for (const int64_t count : {years, months, days}) {
    if (count > kMost || count < -kMost) return std::nullopt;
  }
  const CivilTime civil = ToCivil(time);
  const int64_t month = civil.month - 1 + months;
  const int64_t year = civil.year + years + FloorDivide(month, 12);
  if (year < -30'000 || year > 30'000) return std::nullopt;
  const std::chrono::year_month_day first(
      std::chrono::year(static_cast<int>(year)),
      std::chrono::month(static_cast<unsigned>(FloorModulo(month, 12) + 1)), std::chrono::day(1));
  const int64_t date =
      std::chrono::sys_days(first).time_since_epoch().count() + civil.day - 1 + days;
  const int64_t minutes = (date * 24 + civil.hour) * 60 + civil.minute;
  const Wide local = minutes * 60 + civil.second;
  const Wide nanos = (local - time.offset_seconds - kYearOne) * kSecond + NanosecondOf(time);
  return FromYearOne(time, nanos);
}

Time TruncateTime(Time time, Duration unit) {
  if (unit.nanos <= 0) return time;
  const Wide since = SinceYearOne(time);
  // Only what lies before the first moment that a Time holds is left as it is.
  return FromYearOne(time, since - since % unit.nanos).value_or(time);
}

std::optional<Time> RoundTime(Time time, Duration unit) {
  if (unit.nanos <= 0) return time;
  const Wide since = SinceYearOne(time);
  const auto rest = static_cast<int64_t>(since % unit.nanos);
  return FromYearOne(time, since - rest + (BelowHalf(rest, unit.nanos) ? 0 : unit.nanos));
}

Duration TruncateDuration(Duration duration, Duration unit) {
  if (unit.nanos <= 0) return duration;
  return {duration.nanos - duration.nanos % unit.nanos};
}

Duration RoundDuration(Duration duration, Duration unit) {
  if (unit.nanos <= 0) return duration;
  const int64_t rest = duration.nanos % unit.nanos;
  const int64_t towards_zero = duration.nanos - rest;
  if (BelowHalf(rest < 0 ? -rest : rest, unit.nanos)) return {towards_zero};
  int64_t away = 0;
  const bool negative = duration.nanos < 0;
  if (__builtin_add_overflow(towards_zero, negative ? -unit.nanos : unit.nanos, &away)) {
    return {negative ? INT64_MIN : INT64_MAX};
  }
  return {away};
}

Duration Absolute(Duration duration) {
  if (duration.nanos == INT64_MIN) return {INT64_MAX};
  return {duration.nanos < 0 ? -duration.nanos : duration.nanos};
}

}  // namespace tocsin::tmpl
