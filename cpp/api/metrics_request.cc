#include "cpp/api/metrics_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "cpp/api/params.h"
#include "cpp/base/format.h"

namespace tocsin::api {
namespace {

constexpr uint64_t kPoints = 240;
constexpr Nanos kDefaultSince = kHour;
constexpr size_t kMostDigitsOfSeconds = 10;

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Failure Bad(std::string_view name, std::string_view text, std::string_view want) {
  return InvalidArgumentError("invalid value for parameter " + std::string(name) + ": \"" +
                              std::string(text) + "\" is not " + std::string(want));
}

// Nanoseconds; 0 if the parameter is missing.
Result<uint64_t> ReadTime(const Params& params, std::string_view name) {
  const auto text = params.Text(name);
  if (!text) return 0;
  constexpr std::string_view kWant = "a point in time: Unix seconds or nanoseconds, or RFC 3339";
  if (IsNumber(*text)) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    const uint64_t unit = text->size() > kMostDigitsOfSeconds ? 1 : uint64_t{kSecond};
    if (error != std::errc() || number > uint64_t{INT64_MAX} / unit) {
      return Bad(name, *text, kWant);
    }
    return number * unit;
  }
  const Result<Millis> millis = params.Time(name, std::nullopt);
  if (!millis || *millis < 0 || *millis > INT64_MAX / kMillisecond) return Bad(name, *text, kWant);
  return static_cast<uint64_t>(*millis * kMillisecond);
}

Result<uint64_t> ReadStep(const Params& params) {
  const auto text = params.Text("step");
  if (!text) return 0;
  Nanos step = 0;
  if (const std::optional<double> seconds = ParseGoFloat(*text)) {
    if (!std::isfinite(*seconds) || std::abs(*seconds) > 1e9) {
      return Bad("step", *text, "a number of seconds or a duration");
    }
    step = std::llround(*seconds * kSecond);
  } else {
    TOCSIN_ASSIGN_OR_RETURN(step, params.Duration("step", 0));
  }
  if (step < kMillisecond) {
    return InvalidArgumentError("parameter step must be at least a millisecond");
  }
  return static_cast<uint64_t>(step);
}

Status ReadRange(const Params& params, Nanos now, MetricsRequest* out) {
  TOCSIN_ASSIGN_OR_RETURN(out->start, ReadTime(params, "start"));
  TOCSIN_ASSIGN_OR_RETURN(out->end, ReadTime(params, "end"));
  TOCSIN_ASSIGN_OR_RETURN(const Nanos since, params.Duration("since", kDefaultSince));
  if (out->end == 0) out->end = static_cast<uint64_t>(now);
  if (out->start == 0) out->start = out->end - std::min(static_cast<uint64_t>(since), out->end);
  if (out->end <= out->start) {
    return InvalidArgumentError("parameter end must be after parameter start");
  }
  return {};
}

}  // namespace

uint64_t DefaultMetricsStep(uint64_t start, uint64_t end) {
  const uint64_t step = (end - start) / kPoints;
  if (end - start < uint64_t{kMinute}) {
    constexpr uint64_t kLeast = 50 * kMillisecond;
    return std::max(step / kLeast * kLeast, kLeast);
  }
  constexpr std::array<Nanos, 6> kRungs = {kHour,        5 * kMinute, kMinute,
                                           15 * kSecond, 5 * kSecond, kSecond};
  for (const Nanos rung : kRungs) {
    const auto unit = static_cast<uint64_t>(rung);
    if (step > unit) return step / unit * unit;
  }
  return kSecond;
}

Result<MetricsRequest> ReadMetricsRequest(const http::Request& request, bool instant, Nanos now) {
  const Params params(request);
  MetricsRequest out;
  out.instant = instant;
  const auto query = params.Text("q");
  out.query = query ? *query : params.Text("query").value_or("");
  if (out.query.empty()) return InvalidArgumentError("parameter q is missing");
  TOCSIN_RETURN_IF_ERROR(ReadRange(params, now, &out));
  TOCSIN_ASSIGN_OR_RETURN(const int64_t series, params.Int("maxSeries", 0, 0, UINT32_MAX));
  out.max_series = static_cast<uint32_t>(series);
  if (instant) return out;
  TOCSIN_ASSIGN_OR_RETURN(out.step, ReadStep(params));
  TOCSIN_ASSIGN_OR_RETURN(const int64_t exemplars, params.Int("exemplars", -1, 0, UINT32_MAX));
  if (exemplars >= 0) out.exemplars = static_cast<uint32_t>(exemplars);
  return out;
}

}  // namespace tocsin::api
