/// The PromQL engine as what rules ask.

#pragma once

#include "cpp/promql/engine.h"
#include "cpp/promql/source.h"
#include "cpp/rules/ports.h"

namespace tocsin::rules {

/// Both are borrowed. The function fails with kFailedPrecondition for an expression that is neither
/// a vector nor a scalar, and as the engine does.
QueryFunction EngineQuery(const promql::Engine& engine, const promql::SeriesSource& source);

}  // namespace tocsin::rules
