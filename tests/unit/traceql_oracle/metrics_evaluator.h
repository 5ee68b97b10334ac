/// The oracle for TraceQL metrics: which spans there are, then what the function makes of them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/traceql_oracle/query.h"
#include "tests/unit/traceql_oracle/trace.h"

namespace tocsin::oracle {

struct MetricsRange {
  uint64_t start = 0;  ///< Unix nanoseconds.
  uint64_t end = 0;
  uint64_t step = 1;
  bool instant = false;  ///< One interval, both ends included.
};

/// The whole answer as text, the series in the order of their texts.
std::string Metrics(const std::vector<Span>& spans, const Metric& metric,
                    const MetricsRange& range);

/// What the answers of both sides are written with.
std::string ShowLabel(const std::string& name, const Datum& value);
std::string ShowPoint(int64_t timestamp_ms, double value);
std::string ShowSeries(const std::vector<std::string>& labels, const std::string& points);

}  // namespace tocsin::oracle
