#include "cpp/server/serve.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <malloc.h>

#include "cpp/api/admin.h"
#include "cpp/api/prometheus.h"
#include "cpp/api/query_gate.h"
#include "cpp/api/rules.h"
#include "cpp/api/tempo.h"
#include "cpp/base/log.h"
#include "cpp/base/version.h"
#include "cpp/engine/engine.h"
#include "cpp/receive/receive.h"
#include "cpp/server/alert_service.h"
#include "cpp/server/engine_options.h"
#include "cpp/server/listeners.h"
#include "cpp/server/otlp_sink.h"
#include "cpp/server/remote_write_service.h"
#include "cpp/server/revision.h"
#include "cpp/server/rule_files.h"
#include "cpp/server/scrape_service.h"
#include "cpp/server/server_file.h"
#include "cpp/server/signals.h"
#include "cpp/telemetry/registry.h"

namespace tocsin::server {
namespace {

// Many threads allocate and free batches in turns. With an arena for each of them the freed memory
// of one is of no use to the others; two suffice, as the allocator is not where the time goes.
constexpr int kMallocArenas = 2;
// Freed memory goes back to the system when so much of it is at the end of the heap.
constexpr int kMallocTrimBytes = 16 << 20;

enum class Phase : uint8_t { kStarting, kServing, kStopping };

class Service {
 public:
  explicit Service(const config::Config& config)
      : config_(config),
        gate_(QueriesAtOnce(config), config.storage.queue_depth),
        build_info_(registry_.GetGauge(
            "tempo_build_info", "Which version this is; always 1.",
            {{"version", std::string(Version())}, {"revision", std::string(Revision())}})) {
    build_info_.Set(1);
  }

  Status Start() {
    // First what people write and may have got wrong, before anything is touched.
    TOCSIN_ASSIGN_OR_RETURN(std::vector<rules::RuleFile> rules, ReadRuleFiles(config_.rule_files));
    TOCSIN_ASSIGN_OR_RETURN(
        engine_, engine::Engine::Open(EngineOptionsOf(config_), Clock::Real(), registry_));
    remote_write_ = std::make_unique<RemoteWriteService>(config_, engine_.get(), &registry_);
    sink_ = std::make_unique<OtlpSink>(engine_.get());
    receive::OtlpOptions otlp_options;
    otlp_options.max_request_bytes = config_.receivers.max_request_bytes;
    otlp_ = std::make_unique<receive::OtlpReceiver>(sink_.get(), otlp_options, &registry_);
    listeners_ = std::make_unique<Listeners>(config_, otlp_.get(), &registry_);
    alerts_ = std::make_unique<AlertService>(config_, engine_.get(), &registry_);
    RegisterApi();
    TOCSIN_ASSIGN_OR_RETURN(const Addresses addresses, listeners_->Start());
    const std::string own = Reachable(addresses.front().second);
    scrapes_ = std::make_unique<ScrapeService>(config_, own, &engine_->series());
    TOCSIN_RETURN_IF_ERROR(alerts_->Start(std::move(rules), own));
    phase_ = Phase::kServing;
    log::Info("ready", {{"version", Version()}, {"data", config_.storage.path}});
    return WriteServerFile(config_.storage.path, addresses);
  }

  // What was started is ended in the opposite order: first what brings work in.
  Status Stop() {
    phase_ = Phase::kStopping;
    RemoveServerFile(config_.storage.path);
    // Half of the time for requests in flight, the rest for what must be written and sent.
    if (listeners_ != nullptr) listeners_->Shutdown(config_.server.graceful_shutdown_timeout / 2);
    scrapes_.reset();
    if (alerts_ != nullptr) alerts_->Stop();
    listeners_.reset();
    alerts_.reset();
    if (engine_ == nullptr) return {};
    // The last values of the span metrics, so that remote write can take them along.
    if (const Status status = engine_->Collect(); !status.ok()) {
      log::Warn("last collection failed", {{"error", status.ToString()}});
    }
    remote_write_.reset();
    return engine_->Close();
  }

 private:
  static size_t QueriesAtOnce(const config::Config& config) {
    const size_t cores = std::max(1U, std::thread::hardware_concurrency());
    return std::clamp<size_t>(config.storage.max_workers, 1, cores);
  }

  void RegisterApi() {
    http::Router* router = &listeners_->api_router();
    api::TempoOptions tempo;
    tempo.tenant = receive::kSingleTenant;
    tempo.strict_traceql = config_.strict_traceql;
    api::RegisterTempo(engine_->spans(), gate_, std::move(tempo), router);
    api::PromQlBackend promql;
    promql.engine = &engine_->promql();
    promql.series = &engine_->series();
    promql.gate = &gate_;
    promql.clock = &Clock::Real();
    api::RegisterPrometheus(promql, router);
    api::RulesBackend rules;
    rules.groups = [this] { return alerts_->Groups(); };
    rules.alerts = [this] { return alerts_->Alerts(); };
    api::RegisterRules(std::move(rules), router);
    api::AdminBackend admin;
    admin.version = Version();
    admin.revision = Revision();
    admin.ready = [this] { return Ready(); };
    admin.metrics = [this] { return registry_.Expose(); };
    admin.flush = [this] { return engine_->Flush(); };
    api::RegisterAdmin(std::move(admin), router);
  }

  Status Ready() const {
    switch (phase_.load()) {
      case Phase::kStarting:
        return UnavailableError("starting: the listeners are not all open yet");
      case Phase::kServing:
        return {};
      case Phase::kStopping:
        return UnavailableError("stopping: requests in flight are being finished");
    }
    return {};
  }

  const config::Config& config_;
  telemetry::Registry registry_;
  api::QueryGate gate_;
  Gauge& build_info_;
  std::atomic<Phase> phase_ = Phase::kStarting;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<RemoteWriteService> remote_write_;
  std::unique_ptr<OtlpSink> sink_;
  std::unique_ptr<receive::OtlpReceiver> otlp_;
  std::unique_ptr<AlertService> alerts_;
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<ScrapeService> scrapes_;
};

log::Level LevelNamed(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warn") return log::Level::kWarn;
  if (name == "error") return log::Level::kError;
  return log::Level::kInfo;
}

}  // namespace

Status Serve(const config::Config& config) {
  // Before there is a second thread.
  mallopt(M_ARENA_MAX, kMallocArenas);          // NOLINT(concurrency-mt-unsafe)
  mallopt(M_TRIM_THRESHOLD, kMallocTrimBytes);  // NOLINT(concurrency-mt-unsafe)
  log::SetLevel(LevelNamed(config.server.log_level));
  Service service(config);
  if (const Status started = service.Start(); !started.ok()) {
    log::Error("cannot start", {{"error", started.message()}});
    const Status stopped = service.Stop();
    if (!stopped.ok()) log::Error("closing failed", {{"error", stopped.ToString()}});
    return started;
  }
  log::Info("stopping", {{"signal", WaitForTermination()}});
  const Status stopped = service.Stop();
  log::Info("stopped", {{"status", stopped.ToString()}});
  return stopped;
}

}  // namespace tocsin::server
