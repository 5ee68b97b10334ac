/// The whole service in one call.

#pragma once

#include <functional>

#include "cpp/base/status.h"
#include "cpp/config/load.h"

namespace tocsin::server {

/// Starts everything, serves until SIGTERM or SIGINT, and ends in order: what was acknowledged is
/// kept, what is due to be sent is sent or kept for the next start.
///
/// On SIGHUP, and on POST /-/reload where that is allowed, `read_again` gives the configuration as
/// it is now: rules, scraping and remote write follow it, all or nothing; other settings count from
/// the next start. REQUIRES: BlockSignals() was called before any thread was started.
Status Serve(const config::Loaded& loaded,
             const std::function<Result<config::Loaded>()>& read_again);

}  // namespace tocsin::server
