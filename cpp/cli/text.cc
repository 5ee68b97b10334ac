#include "cpp/cli/text.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

#include "cpp/base/duration.h"
#include "cpp/base/rfc3339.h"

namespace tocsin::cli {
namespace {

constexpr Nanos kLatest = INT64_MAX / kSecond - 1;  // In seconds.

// "1763825802" or "1763825802.25".
std::optional<Nanos> ParseUnixSeconds(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
  if (error != std::errc() || end != whole.data() + whole.size()) return std::nullopt;
  if (seconds < 0 || seconds > kLatest) return std::nullopt;
  if (whole.size() == text.size()) return seconds * kSecond;
  const std::string_view decimals = text.substr(whole.size() + 1);
  if (decimals.empty()) return std::nullopt;
  Nanos fraction = 0;
  Nanos unit = kSecond;
  for (const char c : decimals) {
    if (c < '0' || c > '9') return std::nullopt;
    unit /= 10;
    fraction += unit * (c - '0');
  }
  return (seconds * kSecond) + fraction;
}

// RFC 3339, or a date alone, which is its first moment in UTC.
std::optional<Nanos> ParseDate(std::string_view text) {
  constexpr size_t kDateAlone = std::string_view("2026-11-22").size();
  const std::optional<int64_t> millis = text.size() == kDateAlone
                                            ? ParseRfc3339(std::string(text) + "T00:00:00Z")
                                            : ParseRfc3339(text);
  if (!millis || *millis < 0 || *millis > INT64_MAX / kMillisecond) return std::nullopt;
  return *millis * kMillisecond;
}

}  // namespace

Result<Nanos> ParseMoment(std::string_view text, Nanos now) {
  if (text == "now") return now;
  if (text.starts_with('-')) {
    const Result<Nanos> ago = ParseDuration(text.substr(1));
    if (ago.has_value() && *ago <= now) return now - *ago;
  }
  if (const auto time = ParseUnixSeconds(text)) return *time;
  if (const auto time = ParseDate(text)) return *time;
  return InvalidArgumentError("\"" + std::string(text) +
                              "\" is no time: Unix seconds, 2026-11-22T15:36:42Z, now or -1h");
}

std::string FormatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

}  // namespace tocsin::cli
