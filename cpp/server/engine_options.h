/// The configuration as what the engine takes.

#pragma once

#include "cpp/config/config.h"
#include "cpp/engine/engine.h"

namespace tocsin::server {

engine::EngineOptions EngineOptionsOf(const config::Config& config);

}  // namespace tocsin::server
