/// The HTTP handlers through which others write metrics into the series store.

#pragma once

#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/http/router.h"
#include "cpp/receive/remote_write_receiver.h"

namespace tocsin::server {

class MetricsIntake {
 public:
  /// Borrows engine and telemetry.
  MetricsIntake(const config::Config& config, engine::Engine* engine, Telemetry* telemetry);

  /// Outlives the servers of `router`.
  void Register(http::Router* router);

 private:
  receive::RemoteWriteReceiver remote_write_;
};

}  // namespace tocsin::server
