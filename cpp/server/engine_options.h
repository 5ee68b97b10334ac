/// The configuration as what the engine takes.

#pragma once

#include "cpp/config/config.h"
#include "cpp/engine/engine.h"

namespace tocsin::server {

engine::EngineOptions EngineOptionsOf(const config::Config& config);

/// What queries and rules may use: all there is, whatever Prometheus keeps behind flags.
inline promql::ParserOptions ServedPromQl() { return promql::ParserOptions::Everything(); }

}  // namespace tocsin::server
