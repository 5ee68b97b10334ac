/// Makes a case on which two sides disagree as small as it gets.

#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tests/unit/traceql_oracle/evaluator.h"
#include "tests/unit/traceql_oracle/metrics_evaluator.h"

namespace tocsin::oracle {

struct Case {
  std::vector<Span> spans;
  // A search.
  Pipeline pipeline;
  SearchLimits limits;
  // Or, if there is a metric, that.
  std::optional<Metric> metric;
  MetricsRange range;
};

/// Drops spans, attributes and parts of the query as long as `disagrees` says that they still do.
/// REQUIRES: disagrees(found).
Case Shrink(Case found, const std::function<bool(const Case&)>& disagrees);

}  // namespace tocsin::oracle
