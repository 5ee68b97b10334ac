/// Signals as a blocking call, so that no code runs in a handler.

#pragma once

#include <cstdint>
#include <string_view>

namespace tocsin::server {

enum class Signal : uint8_t {
  kTerminate,  ///< SIGTERM: end.
  kInterrupt,  ///< SIGINT: end.
  kHangUp,     ///< SIGHUP: read the configuration again.
};

/// "SIGTERM"...
std::string_view SignalName(Signal signal);

/// Blocks these signals in this thread and all that it starts later, and ignores SIGPIPE. Call it
/// first in main.
void BlockSignals();

/// Waits for one of them.
Signal WaitForSignal();

}  // namespace tocsin::server
