/// Pieces of printed expressions, for both ways of printing: on one line and on several.

#pragma once

#include <string>

#include "cpp/promql/ast.h"

namespace tocsin::promql {

/// `sum by (job) `: what stands before the parenthesis.
std::string AggregateHead(const Aggregate& aggregate);
/// `/ bool on (job) group_left (x)`: what stands between the sides, without outer spaces.
std::string BinaryMiddle(const Binary& binary);
/// `[5m:1m] @ end() offset 1m`: what stands behind the expression.
std::string SubquerySuffix(const Subquery& subquery);

}  // namespace tocsin::promql
