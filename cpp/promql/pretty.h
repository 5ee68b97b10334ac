/// Expressions on several lines, for people.

#pragma once

#include <string>

#include "cpp/promql/ast.h"

namespace tocsin::promql {

/// As ToString() where that takes no more than 100 characters; what is longer is broken into lines
/// and indented by two spaces a level, as `/api/v1/format_query` and promtool do.
std::string Pretty(const Expr& expr);

}  // namespace tocsin::promql
