/// OTLP metrics as Prometheus takes them: an ExportMetricsServiceRequest becomes samples with the
/// labels, names and histograms that Prometheus's own OTLP receiver makes of it by default.
///
///     gauges, sums             one float series (a monotonic sum's name ends in _total)
///     histograms               classic ones: _bucket with le, _sum, _count
///     exponential histograms   native ones; scales above 8 come out as schema 8
///     summaries                _sum, _count, and a series for each quantile
///     resource                 job (service.namespace/service.name), instance
///                              (service.instance.id), and target_info with the other attributes
///
/// Cumulative temporality only: sums and histograms in deltas are refused, as by Prometheus unless
/// it is told otherwise (a Collector's deltatocumulative processor converts them).

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/native_histogram.h"

namespace tocsin::wire {

struct OtlpMetricsLimits {
  /// Data points, exemplars and attributes of a request.
  size_t max_items = 500'000;
  /// Samples that become of them: a classic histogram is many.
  size_t max_samples = 2'000'000;
};

/// One sample of a series: `histogram`, or `value` if that is null.
struct OtlpSample {
  Labels labels;
  Millis t = 0;
  Millis start = 0;  ///< 0: not known.
  double value = 0;
  HistogramPtr histogram;
  std::vector<Exemplar> exemplars;
};

struct OtlpMetrics {
  std::vector<OtlpSample> samples;
  std::vector<MetricMetadata> metadata;
  size_t rejected_points = 0;
  std::string rejection;  ///< Why; the first reasons, one a line. "" if no point was rejected.
};

/// `body`: protobuf, not compressed. kInvalidArgument, with the byte offset, if it is malformed;
/// kResourceExhausted beyond the limits.
Result<OtlpMetrics> DecodeOtlpMetrics(std::string_view body, const OtlpMetricsLimits& limits);

}  // namespace tocsin::wire
