/// What our own metrics are at one moment: plain values, between counting and writing them out.

#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cpp/base/telemetry.h"

namespace tocsin::telemetry {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };

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

struct Metric {
  Telemetry::MetricLabels labels = {};  ///< By name.
  double value = 0;                     ///< Of a counter or gauge; of a histogram the sum.
  std::vector<Bucket> buckets = {};     ///< Of a histogram: ascending, the last one is +Inf.
  double created = 0;                   ///< Unix seconds; 0: not known. Of counters and histograms.
};

struct Family {
  std::string name;  ///< As the text format has it: counters with their `_total`, if any.
  std::string help;
  MetricKind kind = MetricKind::kGauge;
  std::vector<Metric> metrics = {};  ///< By labels.
};

}  // namespace tocsin::telemetry
