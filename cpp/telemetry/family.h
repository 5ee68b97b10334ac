/// What our own metrics are at one moment: plain values, between counting and writing them out.

#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cpp/base/telemetry.h"

namespace tocsin::telemetry {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram, kSummary };

/// One observation of a bucket and the trace that it belongs to.
struct Exemplar {
  std::string trace_id;  ///< Hexadecimal.
  double value = 0;
  double time = 0;  ///< Unix seconds.
};

struct Bucket {
  double upper_bound = std::numeric_limits<double>::infinity();
  uint64_t cumulative_count = 0;
  std::optional<Exemplar> exemplar = {};
};

struct Quantile {
  double quantile = 0;
  double value = 0;  ///< NaN if nothing was observed of late.
};

struct Metric {
  Telemetry::MetricLabels labels = {};   ///< By name.
  double value = 0;                      ///< Of a counter or gauge; of the others the sum.
  std::vector<Bucket> buckets = {};      ///< Of a histogram: ascending, the last one is +Inf.
  std::vector<Quantile> quantiles = {};  ///< Of a summary: ascending.
  uint64_t count = 0;                    ///< Of a summary.
  double created = 0;                    ///< Unix seconds; 0: not known. Of all but gauges.
};

struct Family {
  std::string name;  ///< As the text format has it: counters with their `_total`, if any.
  std::string help;
  MetricKind kind = MetricKind::kGauge;
  std::vector<Metric> metrics = {};  ///< By labels.
};

}  // namespace tocsin::telemetry
