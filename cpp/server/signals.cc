#include "cpp/server/signals.h"

#include <csignal>

namespace tocsin::server {
namespace {

sigset_t AwaitedSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

std::string_view SignalName(Signal signal) {
  switch (signal) {
    case Signal::kTerminate:
      return "SIGTERM";
    case Signal::kInterrupt:
      return "SIGINT";
    case Signal::kHangUp:
      return "SIGHUP";
  }
  return "";
}

void BlockSignals() {
  const sigset_t set = AwaitedSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A write beyond the limit of a file's size (ulimit -f) is then refused as on a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
}

Signal WaitForSignal() {
  const sigset_t set = AwaitedSignals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  if (signal == SIGHUP) return Signal::kHangUp;
  return signal == SIGTERM ? Signal::kTerminate : Signal::kInterrupt;
}

}  // namespace tocsin::server
