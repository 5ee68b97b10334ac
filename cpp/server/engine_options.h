/// The configuration as what the engine takes.

#pragma once

#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/server/memory_service.h"

namespace tocsin::server {

/// `memory`: null for as much as there is.
engine::EngineOptions EngineOptionsOf(const config::Config& config,
                                      MemoryService* memory = nullptr);

/// What queries and rules may use: all there is, whatever Prometheus keeps behind flags, and
/// traceql().
inline promql::ParserOptions ServedPromQl(bool strict_traceql = false) {
  promql::ParserOptions options = promql::ParserOptions::Everything();
  options.check_traces = strict_traceql ? engine::CheckStrictTraceQuery : engine::CheckTraceQuery;
  return options;
}

}  // namespace tocsin::server
