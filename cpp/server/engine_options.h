/// The configuration as what the engine takes.

#pragma once

#include "cpp/config/config.h"
#include "cpp/engine/engine.h"

namespace tocsin::server {

engine::EngineOptions EngineOptionsOf(const config::Config& config);

/// What queries and rules may use: all there is, whatever Prometheus keeps behind flags, and
/// traceql().
inline promql::ParserOptions ServedPromQl(bool strict_traceql = false) {
  promql::ParserOptions options = promql::ParserOptions::Everything();
  options.check_traces = strict_traceql ? engine::CheckStrictTraceQuery : engine::CheckTraceQuery;
  return options;
}

}  // namespace tocsin::server
