/// Waiting for the end: SIGTERM and SIGINT as a blocking call, so that no code runs in a handler.

#pragma once

namespace tocsin::server {

/// Blocks the two signals in this thread and all that it starts later, and ignores SIGPIPE. Call it
/// first in main.
void BlockTerminationSignals();

/// Waits for SIGTERM or SIGINT and returns its name.
const char* WaitForTermination();

}  // namespace tocsin::server
