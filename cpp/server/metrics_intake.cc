#include "cpp/server/metrics_intake.h"

#include <algorithm>
#include <utility>

#include "cpp/api/remote_read.h"

namespace tocsin::server {
namespace {

receive::RemoteWriteOptions RemoteWriteOptionsOf(MemoryService* memory) {
  receive::RemoteWriteOptions options;
  options.limits.max_bytes = memory->budgets().max_request_bytes;
  options.max_cached_series =
      std::min<size_t>(options.max_cached_series, memory->budgets().max_series);
  return options;
}

receive::OtlpMetricsOptions OtlpMetricsOptionsOf(MemoryService* memory) {
  receive::OtlpMetricsOptions options;
  options.max_request_bytes = memory->budgets().max_request_bytes;
  return options;
}

}  // namespace

MetricsIntake::MetricsIntake(const config::Config& config, MemoryService* memory,
                             engine::Engine* engine, Telemetry* telemetry)
    : config_(config),
      engine_(engine),
      remote_write_(&engine->series(), RemoteWriteOptionsOf(memory), telemetry),
      otlp_metrics_(&engine->series(), OtlpMetricsOptionsOf(memory), telemetry) {}

void MetricsIntake::Register(api::QueryGate* gate, http::Router* router) {
  remote_write_.Register(router);
  otlp_metrics_.Register(router);
  api::RemoteReadBackend read;
  read.series = &engine_->series();
  read.gate = gate;
  read.external_labels = config_.external_labels;
  api::RegisterRemoteRead(std::move(read), router);
}

}  // namespace tocsin::server
