/// Names of OTLP metrics, units and attributes as Prometheus writes them, in the strategy
/// UnderscoreEscapingWithSuffixes, its default.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::wire {

enum class OtlpMetricKind : uint8_t {
  kNone,  ///< Of a metric whose data are missing, or of a kind that does not exist.
  kGauge,
  kMonotonicSum,
  kSum,
  kHistogram,
  kExponentialHistogram,
  kSummary,
};

/// "http.server.duration" in "s" is http_server_duration_seconds; a monotonic sum ends in _total, a
/// gauge in "1" in _ratio. "" if nothing is left that makes a name.
std::string PrometheusMetricName(std::string_view name, std::string_view unit, OtlpMetricKind kind);

/// "By/s" is bytes_per_second. "" if the unit is none, or one in braces.
std::string PrometheusUnit(std::string_view unit);

/// "service.name" is service_name, "2xx" key_2xx, "_a" key_a. "" if nothing but underscores is
/// left.
std::string PrometheusLabelName(std::string_view name);

}  // namespace tocsin::wire
