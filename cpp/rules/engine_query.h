/// The PromQL engine as what rules ask.

#pragma once

#include <stop_token>

#include "cpp/promql/engine.h"
#include "cpp/promql/source.h"
#include "cpp/rules/ports.h"

namespace tocsin::rules {

/// Engine and source are borrowed. The function fails with kFailedPrecondition for an expression
/// that is neither a vector nor a scalar, and as the engine does; with kCancelled once `cancel` is
/// asked to stop.
QueryFunction EngineQuery(const promql::Engine& engine, const promql::SeriesSource& source,
                          std::stop_token cancel = {});

}  // namespace tocsin::rules
