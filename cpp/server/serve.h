/// The whole service in one call.

#pragma once

#include "cpp/base/status.h"
#include "cpp/config/load.h"

namespace tocsin::server {

/// Starts everything, serves until SIGTERM or SIGINT, and ends in order: what was acknowledged is
/// kept, what is due to be sent is sent or kept for the next start. REQUIRES:
/// BlockTerminationSignals() was called before any thread was started.
Status Serve(const config::Loaded& loaded);

}  // namespace tocsin::server
