#include "cpp/base/rfc3339.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <limits>

#include "cpp/base/civil_time.h"

namespace tocsin {
namespace {

// "2026-11-22T15:36:42"
std::string UpToSeconds(int64_t unix_seconds) {
  const CivilTime time = ToCivil(unix_seconds);
  std::array<char, 64> text;
  const int size = std::snprintf(text.data(), text.size(), "%04lld-%02d-%02dT%02d:%02d:%02d",
                                 static_cast<long long>(time.year), time.month, time.day, time.hour,
                                 time.minute, time.second);
  return {text.data(), static_cast<size_t>(size)};
}

// "042": `value` in exactly that many digits. REQUIRES: it has no more, and is not negative.
std::string Padded(int64_t value, size_t digits) {
  std::string text = std::to_string(value);
  return text.insert(0, digits - text.size(), '0');
}

// Takes exactly `digits` digits off the front.
std::optional<int> TakeDigits(std::string_view* text, size_t digits) {
  if (text->size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text->substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool Take(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

// The date and the time of day of the front, in seconds since the epoch if they were UTC's.
std::optional<int64_t> TakeSeconds(std::string_view* text) {
  std::tm parts{};
  const auto take = [text](size_t digits, char after, int* out) {
    const auto value = TakeDigits(text, digits);
    if (!value) return false;
    *out = *value;
    return after == '\0' || Take(text, after);
  };
  if (!take(4, '-', &parts.tm_year) || !take(2, '-', &parts.tm_mon) ||
      !take(2, '\0', &parts.tm_mday) || (!Take(text, 'T') && !Take(text, 't')) ||
      !take(2, ':', &parts.tm_hour) || !take(2, ':', &parts.tm_min) ||
      !take(2, '\0', &parts.tm_sec)) {
    return std::nullopt;
  }
  if (parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  std::tm midnight = parts;
  midnight.tm_hour = midnight.tm_min = midnight.tm_sec = 0;
  const std::tm wanted = midnight;
  const int64_t day = timegm(&midnight);
  // timegm makes the 2nd of March of a 30th of February.
  if (midnight.tm_mon != wanted.tm_mon || midnight.tm_mday != wanted.tm_mday) return std::nullopt;
  const int second_of_day = (parts.tm_hour * 60 + parts.tm_min) * 60 + parts.tm_sec;
  return day + second_of_day;
}

// ".123" of the front in nanoseconds; 0 if there is no point.
std::optional<Nanos> TakeFraction(std::string_view* text) {
  if (!Take(text, '.')) return 0;
  Nanos fraction = 0;
  Nanos unit = kSecond / 10;
  const std::string_view before = *text;
  while (const auto digit = TakeDigits(text, 1)) {
    fraction += *digit * unit;
    unit /= 10;
  }
  return text->size() < before.size() ? std::optional(fraction) : std::nullopt;
}

// What the zone is ahead of UTC in seconds: "Z", "+01:00".
std::optional<int64_t> ParseOffset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const int64_t sign = text.starts_with('-') ? -1 : 1;
  if (!Take(&text, '-') && !Take(&text, '+')) return std::nullopt;
  const auto hours = TakeDigits(&text, 2);
  if (!hours || !Take(&text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(&text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

struct Moment {
  int64_t unix_seconds = 0;
  Nanos fraction = 0;
};

std::optional<Moment> Parse(std::string_view text) {
  const auto seconds = TakeSeconds(&text);
  if (!seconds) return std::nullopt;
  const auto fraction = TakeFraction(&text);
  const auto offset = ParseOffset(text);
  if (!fraction || !offset) return std::nullopt;
  return Moment{*seconds - *offset, *fraction};
}

}  // namespace

std::string FormatRfc3339Seconds(int64_t unix_seconds) { return UpToSeconds(unix_seconds) + "Z"; }

std::string FormatRfc3339Millis(Nanos time) {
  const int64_t millis = FloorModulo(time, kSecond) / kMillisecond;
  return UpToSeconds(FloorDivide(time, kSecond)) + "." + Padded(millis, 3) + "Z";
}

std::string FormatRfc3339(Nanos time) {
  if (time == 0) return "0001-01-01T00:00:00Z";
  std::string text = UpToSeconds(FloorDivide(time, kSecond));
  if (const Nanos fraction = FloorModulo(time, kSecond); fraction > 0) {
    text.append(".").append(Padded(fraction, 9));
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text.append("Z");
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  const std::optional<Moment> moment = Parse(text);
  if (!moment) return std::nullopt;
  return moment->unix_seconds * 1000 + moment->fraction / kMillisecond;
}

std::optional<Nanos> ParseRfc3339Nanos(std::string_view text) {
  constexpr int64_t kGoZero = -62'135'596'800;
  constexpr int64_t kFarthest = std::numeric_limits<Nanos>::max() / kSecond - 1;
  const std::optional<Moment> moment = Parse(text);
  if (!moment) return std::nullopt;
  if (moment->unix_seconds == kGoZero && moment->fraction == 0) return 0;
  return std::clamp(moment->unix_seconds, -kFarthest, kFarthest) * kSecond + moment->fraction;
}

}  // namespace tocsin
