/// What the grammar does not say: which operator takes which types.

#pragma once

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"

namespace tocsin::traceql {

/// Makes bare words opposite a status or a kind its literals, sets `type` everywhere, compiles
/// regular expressions, and refuses what can never be evaluated (kInvalidArgument with the
/// position). REQUIRES: a tree of ParseSyntax, whose depth is bounded.
Status Validate(Query* query);

}  // namespace tocsin::traceql
