#include "cpp/cli/text.h"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

#include "cpp/base/duration.h"

namespace tocsin::cli {
namespace {

constexpr Nanos kLatest = INT64_MAX / kSecond - 1;  // In seconds.

// Takes digits off the front of a text.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : text_(text) {}

  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Exactly `digits` of them.
  bool Number(size_t digits, int* value) {
    if (text_.size() < digits) return false;
    const char* const begin = text_.begin();
    const char* const behind = begin + digits;
    const auto [end, error] = std::from_chars(begin, behind, *value);
    if (error != std::errc() || end != behind || *value < 0) return false;
    text_.remove_prefix(digits);
    return true;
  }
  // What follows a decimal point, in nanoseconds.
  bool Fraction(Nanos* nanos) {
    Nanos unit = kSecond;
    const size_t before = text_.size();
    for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; text_.remove_prefix(1)) {
      unit /= 10;
      *nanos += unit * (text_.front() - '0');
    }
    return text_.size() < before;
  }
  bool empty() const { return text_.empty(); }

 private:
  std::string_view text_;
};

std::optional<Nanos> ParseUnixSeconds(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
  if (error != std::errc() || end != whole.data() + whole.size()) return std::nullopt;
  if (seconds < 0 || seconds > kLatest) return std::nullopt;
  Nanos fraction = 0;
  if (whole.size() < text.size()) {
    DateReader rest(text.substr(whole.size() + 1));
    if (!rest.Fraction(&fraction) || !rest.empty()) return std::nullopt;
  }
  return seconds * kSecond + fraction;
}

// "Z", "+02:00".
bool ParseOffset(DateReader* in, Nanos* offset) {
  if (in->Take('Z') || in->Take('z')) return true;
  const bool west = in->Take('-');
  int hours = 0;
  int minutes = 0;
  if (!west && !in->Take('+')) return false;
  if (!in->Number(2, &hours) || !in->Take(':') || !in->Number(2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *offset = (hours * kHour + minutes * kMinute) * (west ? -1 : 1);
  return true;
}

std::optional<Nanos> ParseRfc3339(std::string_view text) {
  DateReader in(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in.Number(4, &year) || !in.Take('-') || !in.Number(2, &month) || !in.Take('-') ||
      !in.Number(2, &day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 2261) return std::nullopt;
  const Nanos midnight = std::chrono::sys_days(date).time_since_epoch().count() * kDay;
  if (in.empty()) return midnight;
  int hour = 0;
  int minute = 0;
  int second = 0;
  Nanos fraction = 0;
  Nanos offset = 0;
  if ((!in.Take('T') && !in.Take('t') && !in.Take(' ')) || !in.Number(2, &hour) || !in.Take(':') ||
      !in.Number(2, &minute) || !in.Take(':') || !in.Number(2, &second)) {
    return std::nullopt;
  }
  if (in.Take('.') && !in.Fraction(&fraction)) return std::nullopt;
  if (!ParseOffset(&in, &offset) || !in.empty()) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return midnight + hour * kHour + minute * kMinute + second * kSecond + fraction - offset;
}

}  // namespace

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '_' || c == '.' || c == '~') {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kDigits[byte >> 4]);
      encoded.push_back(kDigits[byte & 15]);
    }
  }
  return encoded;
}

Result<Nanos> ParseMoment(std::string_view text, Nanos now) {
  if (text == "now") return now;
  if (text.starts_with('-')) {
    const Result<Nanos> ago = ParseDuration(text.substr(1));
    if (ago.has_value() && *ago <= now) return now - *ago;
  }
  if (const auto time = ParseUnixSeconds(text)) return *time;
  if (const auto time = ParseRfc3339(text)) return *time;
  return InvalidArgumentError("\"" + std::string(text) +
                              "\" is no time: Unix seconds, 2026-11-22T15:36:42Z, now or -1h");
}

std::string FormatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

}  // namespace tocsin::cli
