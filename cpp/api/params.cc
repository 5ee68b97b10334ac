#include "cpp/api/params.h"

#include <charconv>
#include <cmath>
#include <ctime>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/http/content.h"

namespace tocsin::api {
namespace {

// What a double holds exactly enough as milliseconds: Prometheus's own bound is about as large.
constexpr double kMaxSeconds = 9'000'000'000'000.0;

Failure Bad(std::string_view name, std::string_view value, std::string_view want) {
  return InvalidArgumentError("invalid value for parameter " + std::string(name) + ": \"" +
                              std::string(value) + "\" is not " + std::string(want));
}

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes exactly `digits` digits off the front.
std::optional<int> TakeDigits(std::string_view* text, size_t digits) {
  if (text->size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return value;
}

bool Take(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

// The offset of an RFC 3339 time in seconds: "Z", "+01:00".
std::optional<int64_t> ParseOffset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int64_t sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = TakeDigits(&text, 2);
  if (!hours || !Take(&text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(&text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

// "2026-11-22T15:36:42.123Z" in milliseconds.
std::optional<Millis> ParseRfc3339(std::string_view text) {
  std::tm parts{};
  const auto take = [&text](size_t digits, char after, int* out) {
    const auto value = TakeDigits(&text, digits);
    if (!value) return false;
    *out = *value;
    return after == '\0' || Take(&text, after);
  };
  if (!take(4, '-', &parts.tm_year) || !take(2, '-', &parts.tm_mon) ||
      !take(2, '\0', &parts.tm_mday) || (!Take(&text, 'T') && !Take(&text, 't')) ||
      !take(2, ':', &parts.tm_hour) || !take(2, ':', &parts.tm_min) ||
      !take(2, '\0', &parts.tm_sec)) {
    return std::nullopt;
  }
  if (parts.tm_mon < 1 || parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
      parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60) {
    return std::nullopt;
  }
  Millis fraction = 0;
  if (Take(&text, '.')) {
    Millis unit = 100;
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      fraction += (text[0] - '0') * unit;
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  const auto offset = ParseOffset(text);
  if (!offset) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return (static_cast<int64_t>(timegm(&parts)) - *offset) * 1000 + fraction;
}

}  // namespace

Params::Params(const http::Request& request) : request_(request) {
  if (http::MediaType(request.Header("content-type")) == "application/x-www-form-urlencoded") {
    form_ = http::ParseQuery(request.body);
  }
}

std::optional<std::string_view> Params::Text(std::string_view name) const {
  if (const auto value = request_.Query(name); value && !value->empty()) return value;
  for (const auto& [key, value] : form_) {
    if (key == name && !value.empty()) return value;
  }
  return std::nullopt;
}

Result<int64_t> Params::Int(std::string_view name, int64_t otherwise, int64_t least,
                            int64_t most) const {
  const auto text = Text(name);
  if (!text) return otherwise;
  const auto value = ParseInt(*text);
  if (!value || *value < least || *value > most) {
    return Bad(name, *text,
               "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *value;
}

Result<Nanos> Params::Duration(std::string_view name, Nanos otherwise) const {
  const auto text = Text(name);
  if (!text) return otherwise;
  const Result<Nanos> parsed = ParseDuration(*text);
  if (parsed) return *parsed;
  // Go also writes fractions, and units below a millisecond: "1.5s", "10us".
  size_t digits = 0;
  while (digits < text->size() && (std::isdigit(static_cast<unsigned char>((*text)[digits])) != 0 ||
                                   (*text)[digits] == '.')) {
    ++digits;
  }
  const auto number = ParseGoFloat(text->substr(0, digits));
  const std::string_view unit = text->substr(digits);
  const Nanos scale = unit == "ns"                   ? 1
                      : unit == "us" || unit == "µs" ? kMicrosecond
                      : unit == "ms"                 ? kMillisecond
                      : unit == "s"                  ? kSecond
                      : unit == "m"                  ? kMinute
                      : unit == "h"                  ? kHour
                                                     : 0;
  if (!number || scale == 0 || *number * static_cast<double>(scale) > 9e18) {
    return Bad(name, *text, "a duration such as 100ms or 1h30m");
  }
  return static_cast<Nanos>(*number * static_cast<double>(scale));
}

Result<Params::SecondsRange> Params::Seconds() const {
  TOCSIN_ASSIGN_OR_RETURN(const int64_t start, Int("start", -1, 0, UINT32_MAX));
  TOCSIN_ASSIGN_OR_RETURN(const int64_t end, Int("end", -1, 0, UINT32_MAX));
  SecondsRange range;
  if (start < 0 && end < 0) return range;
  if (start < 0 || end < 0) {
    return InvalidArgumentError("parameters start and end go together: one of them is missing");
  }
  if (end <= start) return InvalidArgumentError("parameter end must be after parameter start");
  range.start = static_cast<uint64_t>(start) * kSecond;
  range.end = static_cast<uint64_t>(end) * kSecond;
  return range;
}

Result<Millis> Params::Time(std::string_view name, std::optional<Millis> otherwise) const {
  const auto text = Text(name);
  if (!text) {
    if (otherwise) return *otherwise;
    return InvalidArgumentError("parameter " + std::string(name) + " is missing");
  }
  if (const auto seconds = ParseGoFloat(*text)) {
    if (!std::isfinite(*seconds) || std::abs(*seconds) > kMaxSeconds) {
      return Bad(name, *text, "a valid timestamp");
    }
    return static_cast<Millis>(std::llround(*seconds * 1000));
  }
  if (const auto time = ParseRfc3339(*text)) return *time;
  return Bad(name, *text, "a valid timestamp");
}

Result<Millis> Params::Step(std::string_view name) const {
  const auto text = Text(name);
  if (!text) return InvalidArgumentError("parameter " + std::string(name) + " is missing");
  double millis = 0;
  if (const auto seconds = ParseGoFloat(*text)) {
    millis = *seconds * 1000;
  } else if (const Result<Nanos> duration = ParseDuration(*text)) {
    millis = static_cast<double>(*duration) / kMillisecond;
  } else {
    return Bad(name, *text, "a valid duration");
  }
  if (!std::isfinite(millis) || millis > kMaxSeconds) return Bad(name, *text, "a valid duration");
  if (millis < 1) {
    return InvalidArgumentError(
        "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  return static_cast<Millis>(millis);
}

}  // namespace tocsin::api
