#include "cpp/routing/time_interval.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "cpp/base/civil_time.h"
#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"
#include "cpp/routing/time_zone.h"

namespace tocsin::routing {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays{"sunday",   "monday", "tuesday", "wednesday",
                                                    "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};

// True for an empty list.
template <class Holds>
bool AnyOrEmpty(const std::vector<TimeRange>& ranges, Holds holds) {
  return ranges.empty() || std::ranges::any_of(ranges, holds);
}

bool HoldsDay(const TimeRange& range, const CivilTime& time) {
  const auto day_of = [&](int day) { return day < 0 ? time.days_in_month + day + 1 : day; };
  return time.day >= day_of(range.begin) && time.day <= day_of(range.end);
}

std::optional<int> ParseNumber(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <size_t kCount>
std::optional<int> FindName(const std::array<std::string_view, kCount>& names,
                            std::string_view text) {
  const auto it = std::ranges::find(names, text);
  if (it == names.end()) return std::nullopt;
  return static_cast<int>(it - names.begin());
}

// "BEGIN:END", or one value for both. `parse` takes lower case; `what` names a value.
template <class Parse>
Result<TimeRange> ParseRange(std::string_view text, Parse parse, std::string_view what) {
  const std::string lower = ToLower(text);
  const std::string_view all = lower;
  const size_t colon = all.find(':');
  const std::string_view begin = all.substr(0, colon);
  const std::string_view end = colon == std::string_view::npos ? begin : all.substr(colon + 1);
  for (const std::string_view part : {begin, end}) {
    if (!parse(part)) {
      return InvalidArgumentError(QuoteGo(part) + " is not a valid " + std::string(what));
    }
  }
  return TimeRange{*parse(begin), *parse(end)};
}

Result<TimeRange> Ascending(const TimeRange& range, std::string_view otherwise) {
  if (range.begin > range.end) return InvalidArgumentError(otherwise);
  return range;
}

Result<int> ParseMinutes(std::string_view text) {
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() == 5 && digit(0) && digit(1) && text[2] == ':' && digit(3) && digit(4)) {
    const int hours = (text[0] - '0') * 10 + (text[1] - '0');
    const int minutes = (text[3] - '0') * 10 + (text[4] - '0');
    if ((hours < 24 && minutes < 60) || (hours == 24 && minutes == 0)) return hours * 60 + minutes;
  }
  return InvalidArgumentError(QuoteGo(text) + " is not a time between 00:00 and 24:00");
}

}  // namespace

bool TimeInterval::Contains(Nanos at) const {
  if (never) return false;
  const int64_t unix_seconds = FloorDivide(at, kSecond);
  const auto zone = FindZone(location);
  const int64_t offset = zone.has_value() ? (*zone)->OffsetAt(unix_seconds) : 0;
  const CivilTime time = ToCivil(unix_seconds + offset);
  const auto holds = [](int64_t value) {
    return [value](const TimeRange& range) { return value >= range.begin && value <= range.end; };
  };
  const int minute = time.hour * 60 + time.minute;
  return AnyOrEmpty(
             times,
             [&](const TimeRange& range) { return minute >= range.begin && minute < range.end; }) &&
         AnyOrEmpty(days_of_month, [&](const TimeRange& range) { return HoldsDay(range, time); }) &&
         AnyOrEmpty(months, holds(time.month)) && AnyOrEmpty(weekdays, holds(time.weekday)) &&
         AnyOrEmpty(years, holds(time.year));
}

bool NamedInterval::Contains(Nanos at) const {
  return std::ranges::any_of(intervals,
                             [&](const TimeInterval& interval) { return interval.Contains(at); });
}

Result<TimeRange> ParseTimes(std::string_view start, std::string_view end) {
  if (start.empty() || end.empty()) {
    return InvalidArgumentError("both start and end times must be provided");
  }
  TOCSIN_ASSIGN_OR_RETURN(const int begin_minute, ParseMinutes(start));
  TOCSIN_ASSIGN_OR_RETURN(const int end_minute, ParseMinutes(end));
  if (begin_minute >= end_minute) {
    return InvalidArgumentError("start time cannot be equal or greater than end time");
  }
  return TimeRange{begin_minute, end_minute};
}

Result<TimeRange> ParseWeekdays(std::string_view text) {
  const auto parse = [](std::string_view part) { return FindName(kWeekdays, part); };
  TOCSIN_ASSIGN_OR_RETURN(const TimeRange range, ParseRange(text, parse, "weekday"));
  return Ascending(range, "the first day cannot be behind the last; a week begins on sunday");
}

Result<TimeRange> ParseDaysOfMonth(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(const TimeRange range, ParseRange(text, ParseNumber, "day of the month"));
  for (const int day : {range.begin, range.end}) {
    if (day == 0 || day < -31 || day > 31) {
      return InvalidArgumentError(std::to_string(day) +
                                  " is not a valid day of the month: out of range");
    }
  }
  if (range.begin < 0 && range.end > 0) {
    return InvalidArgumentError("end day must be negative if start day is negative");
  }
  // In the shortest month; what is in order there is so in every other.
  constexpr int kShortest = 28;
  const auto day_of = [](int day) { return day < 0 ? kShortest + day : day; };
  if (day_of(range.begin) > day_of(range.end)) {
    return InvalidArgumentError("end day " + std::to_string(range.end) +
                                " is always before start day " + std::to_string(range.begin));
  }
  return range;
}

Result<TimeRange> ParseMonths(std::string_view text) {
  const auto parse = [](std::string_view part) {
    const std::optional<int> named = FindName(kMonths, part);
    return named ? std::optional<int>(*named + 1) : ParseNumber(part);
  };
  TOCSIN_ASSIGN_OR_RETURN(const TimeRange range, ParseRange(text, parse, "month"));
  return Ascending(range, "the end month is before the start month");
}

Result<TimeRange> ParseYears(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(const TimeRange range, ParseRange(text, ParseNumber, "year"));
  return Ascending(range, "end year " + std::to_string(range.end) + " is before start year " +
                              std::to_string(range.begin));
}

Status CheckLocation(std::string_view location) {
  const auto zone = FindZone(location);
  return zone.has_value() ? Status() : zone.error();
}

}  // namespace tocsin::routing
