/// Whether a block can be passed over without reading any of its columns.

#pragma once

#include "cpp/traceql/ast.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// False only if the condition holds for no row of the block, told by SpanBlock::MayMatch.
bool MayHold(const SpanBlock& block, const Expr& condition);

/// False only if BlockEval would select no row of the block, not even one of a trace that stands in
/// other blocks too.
bool MaySelect(const SpanBlock& block, const Pipeline& pipeline);

}  // namespace tocsin::traceql
