/// Aggregations over the series of a vector, at all steps.

#pragma once

#include <cstddef>
#include <string>

#include "cpp/base/status.h"
#include "cpp/promql/annotations.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/step_vector.h"

namespace tocsin::promql {

struct Aggregation {
  const Aggregate& node;
  PosRange pos;  ///< Of the whole aggregation.
  size_t step_count = 1;
  StepScalars param;  ///< Of topk, bottomk, limitk, limit_ratio and quantile.
  std::string label;  ///< Of count_values.
};

/// kFailedPrecondition for a parameter that the aggregation refuses; annotates one that it takes
/// with a warning. `pos` is that of the parameter.
Status CheckParameter(const Aggregation& aggregation, PosRange pos, Annotations* annotations);

/// One series a group in the order in which the groups appear; of topk and its like the series of
/// the input, at a single step in the order of their values. REQUIRES: CheckParameter().
StepVector RunAggregation(const Aggregation& aggregation, StepVector input,
                          Annotations* annotations);

}  // namespace tocsin::promql
