/// The tree of a PromQL expression as JSON, as `/api/v1/parse_query` of Prometheus gives it.

#pragma once

#include <string>

#include "cpp/promql/ast.h"

namespace tocsin::api {

/// Ranges, offsets, steps and timestamps are milliseconds; what is only known when the query runs
/// (duration expressions) is 0, with the expression beside it as text (`rangeExpr`, `offsetExpr`,
/// `stepExpr`).
std::string ExpressionJson(const promql::Expr& expr);

}  // namespace tocsin::api
