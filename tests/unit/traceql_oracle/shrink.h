/// Makes a case on which two sides disagree as small as it gets.

#pragma once

#include <functional>
#include <vector>

#include "tests/unit/traceql_oracle/evaluator.h"

namespace tocsin::oracle {

struct Case {
  std::vector<Span> spans;
  Pipeline pipeline;
  SearchLimits limits;
};

/// Drops spans, attributes and parts of the query as long as `disagrees` says that they still do.
/// REQUIRES: disagrees(found).
Case Shrink(Case found, const std::function<bool(const Case&)>& disagrees);

}  // namespace tocsin::oracle
