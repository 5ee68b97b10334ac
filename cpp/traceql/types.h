/// What the grammar does not say: which operator takes which types.

#pragma once

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

/// Makes bare words opposite a status or a kind its literals, sets `type` everywhere, compiles
/// regular expressions, and refuses what can never be a condition.
/// REQUIRES: the depth of `condition` is bounded by the parser.
Status CheckCondition(Expr* condition);

}  // namespace tocsin::traceql
