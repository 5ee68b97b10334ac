/// OTLP metrics as they lie on the wire, one metric at a time: the reading half of otlp_metrics.h.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/wire/otlp_metric_names.h"
#include "cpp/wire/proto_fields.h"

namespace tocsin::wire {

/// Keys, and values as text (AttributeText), as they were sent.
using OtlpAttributes = std::vector<std::pair<std::string, std::string>>;

struct OtlpExemplar {
  uint64_t time = 0;  ///< Nanoseconds since 1970, as are all times here.
  double value = 0;
  std::string_view trace_id;  ///< Bytes; may be empty.
  std::string_view span_id;
  OtlpAttributes attributes;
};

/// Buckets (1) offset+1, offset+2... of an exponential histogram.
struct OtlpBuckets {
  int32_t offset = 0;
  std::vector<uint64_t> counts;
};

/// A data point of any kind; what its kind does not have is as it is here.
struct OtlpDataPoint {
  OtlpAttributes attributes;
  uint64_t start = 0;
  uint64_t time = 0;
  uint32_t flags = 0;
  std::vector<OtlpExemplar> exemplars;
  double value = 0;  ///< Gauges and sums.
  uint64_t count = 0;
  std::optional<double> sum;
  // Histograms.
  std::vector<uint64_t> bucket_counts;
  std::vector<double> explicit_bounds;
  // Exponential histograms.
  int32_t scale = 0;
  uint64_t zero_count = 0;
  double zero_threshold = 0;
  OtlpBuckets positive;
  OtlpBuckets negative;
  /// Summaries: quantile and value.
  std::vector<std::pair<double, double>> quantiles;

  /// The point says that there is no value any more.
  bool no_recorded_value() const { return (flags & 1) != 0; }
};

enum class OtlpTemporality : uint8_t { kUnspecified = 0, kDelta = 1, kCumulative = 2 };

struct OtlpMetric {
  std::string_view name;
  std::string_view description;
  std::string_view unit;
  OtlpMetricKind kind = OtlpMetricKind::kNone;
  OtlpTemporality temporality = OtlpTemporality::kUnspecified;
  std::vector<OtlpDataPoint> points;
};

/// Whoever makes something of the metrics. Called in the order of the request.
struct OtlpMetricsVisitor {
  std::function<void(const OtlpAttributes& resource)> begin_resource;
  /// False ends the reading.
  std::function<bool(const OtlpMetric& metric)> metric;
  std::function<void()> end_resource;
};

/// Reads an ExportMetricsServiceRequest. False, with `*error` set, if it is malformed; or, without,
/// if the visitor ended it or it has more data points, exemplars, quantiles and attributes than
/// `max_items`: a point takes a hundred times the memory of its shortest encoding.
bool ReadOtlpMetrics(std::string_view body, size_t max_items, const OtlpMetricsVisitor& visitor,
                     WireError* error);

}  // namespace tocsin::wire
