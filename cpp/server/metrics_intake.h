/// The HTTP handlers through which other servers write metrics into the series store, and read them
/// back: remote write, OTLP metrics and remote read.

#pragma once

#include "cpp/api/query_gate.h"
#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/http/router.h"
#include "cpp/receive/otlp_metrics_receiver.h"
#include "cpp/receive/remote_write_receiver.h"
#include "cpp/server/memory_service.h"

namespace tocsin::server {

class MetricsIntake {
 public:
  /// Borrows everything.
  MetricsIntake(const config::Config& config, MemoryService* memory, engine::Engine* engine,
                Telemetry* telemetry);

  /// Reads take their turn at `gate`. This, and the gate, outlive the servers of `router`.
  void Register(api::QueryGate* gate, http::Router* router);

 private:
  const config::Config& config_;
  engine::Engine* const engine_;
  receive::RemoteWriteReceiver remote_write_;
  receive::OtlpMetricsReceiver otlp_metrics_;
};

}  // namespace tocsin::server
