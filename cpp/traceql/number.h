/// Numbers in the text of a query: what can be worked out before a span is seen.

#pragma once

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

/// The negative of a number or duration; wraps around as arithmetic does.
Literal Negated(const Literal& literal);

/// The value of an expression of plain numbers, as metrics queries take it; integers stay integers
/// (3 / 2 is 1). kInvalidArgument with the position for an aggregate, a duration, a modulo or
/// power, and for what is no finite number.
Result<double> NumberOf(const ScalarExpr& scalar);

/// What points of series are compared with: a duration too, which counts in seconds, as they do.
Result<double> ThresholdOf(const ScalarExpr& scalar);

}  // namespace tocsin::traceql
