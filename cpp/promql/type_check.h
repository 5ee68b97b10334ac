/// The second half of parsing: types, arities and what the grammar alone does not see.

#pragma once

#include <string_view>

#include "cpp/base/status.h"
#include "cpp/promql/ast.h"

namespace tocsin::promql {

/// "line:column: parse error: message".
Failure ParseErrorAt(std::string_view query, PosRange pos, std::string_view message);

/// kInvalidArgument, as Prometheus words it, for the first violation. Settles the vector matching
/// of binary operators: none where a side is a scalar, many-to-many for set operators.
Status CheckTypes(Expr* expr, std::string_view query);

}  // namespace tocsin::promql
