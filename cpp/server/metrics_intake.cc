#include "cpp/server/metrics_intake.h"

namespace tocsin::server {
namespace {

receive::RemoteWriteOptions RemoteWriteOptionsOf(const config::Config& config) {
  receive::RemoteWriteOptions options;
  options.limits.max_bytes = config.receivers.max_request_bytes;
  return options;
}

}  // namespace

MetricsIntake::MetricsIntake(const config::Config& config, engine::Engine* engine,
                             Telemetry* telemetry)
    : remote_write_(&engine->series(), RemoteWriteOptionsOf(config), telemetry) {}

void MetricsIntake::Register(http::Router* router) { remote_write_.Register(router); }

}  // namespace tocsin::server
