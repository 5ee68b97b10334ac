#include "cpp/api/params.h"

#include <charconv>
#include <cmath>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
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

std::vector<std::string_view> Params::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto* pairs : {&request_.query, &form_}) {
    for (const auto& [key, value] : *pairs) {
      if (key == name) values.emplace_back(value);
    }
  }
  return values;
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
  const std::optional<Nanos> parsed = ParsePeriod(*text);
  if (!parsed) return Bad(name, *text, "a duration such as 100ms or 1h30m");
  return *parsed;
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
