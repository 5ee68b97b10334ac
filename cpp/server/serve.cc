#include "cpp/server/serve.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <malloc.h>

#include "cpp/api/admin.h"
#include "cpp/api/alertmanager.h"
#include "cpp/api/export.h"
#include "cpp/api/jaeger.h"
#include "cpp/api/mcp.h"
#include "cpp/api/overrides.h"
#include "cpp/api/profiles.h"
#include "cpp/api/prometheus.h"
#include "cpp/api/query_gate.h"
#include "cpp/api/rule_editor.h"
#include "cpp/api/rules.h"
#include "cpp/api/service_graph.h"
#include "cpp/api/status_pages.h"
#include "cpp/api/store_admin.h"
#include "cpp/api/tempo.h"
#include "cpp/api/tempo_metrics.h"
#include "cpp/api/tempo_queries.h"
#include "cpp/api/tempo_stream.h"
#include "cpp/api/trace_by_id.h"
#include "cpp/api/trace_diff_api.h"
#include "cpp/api/zipkin.h"
#include "cpp/base/log.h"
#include "cpp/base/process_limits.h"
#include "cpp/base/version.h"
#include "cpp/engine/engine.h"
#include "cpp/profile/profiler.h"
#include "cpp/receive/receive.h"
#include "cpp/server/alert_service.h"
#include "cpp/server/engine_options.h"
#include "cpp/server/listeners.h"
#include "cpp/server/memory_service.h"
#include "cpp/server/metrics_intake.h"
#include "cpp/server/otlp_sink.h"
#include "cpp/server/overrides_service.h"
#include "cpp/server/prometheus_api.h"
#include "cpp/server/reloading.h"
#include "cpp/server/remote_write_service.h"
#include "cpp/server/request_metrics.h"
#include "cpp/server/revision.h"
#include "cpp/server/rule_files.h"
#include "cpp/server/scrape_service.h"
#include "cpp/server/server_file.h"
#include "cpp/server/signals.h"
#include "cpp/telemetry/collector_view.h"
#include "cpp/telemetry/registry.h"
#include "cpp/ui/ui.h"

namespace tocsin::server {
namespace {

// Many threads allocate and free batches in turns. With an arena for each of them the freed memory
// of one is of no use to the others; two suffice, as the allocator is not where the time goes.
constexpr int kMallocArenas = 2;
// Freed memory goes back to the system when so much of it is at the end of the heap.
constexpr int kMallocTrimBytes = 16 << 20;

telemetry::Format TelemetryFormat(api::MetricsFormat format) {
  return format == api::MetricsFormat::kOpenMetrics ? telemetry::Format::kOpenMetrics
                                                    : telemetry::Format::kText;
}

enum class Phase : uint8_t { kStarting, kServing, kStopping };

class Service {
 public:
  Service(const config::Loaded& loaded, std::function<Result<config::Loaded>()> read_again)
      : config_(loaded.config),
        effective_config_(loaded.effective),
        memory_(config_, &registry_),
        gate_(QueriesAtOnce(config_), config_.storage.queue_depth),
        query_helpers_(MakeQueryHelpers(config_)),
        notifications_(config_.web.max_notifications_subscribers, &Clock::Real(), &registry_),
        reloading_(
            std::move(read_again), Clock::Real().Now(),
            [this](const config::Config& next) { return Apply(next); }, &notifications_,
            &registry_),
        build_info_(registry_.GetGauge(
            "tempo_build_info", "Which version this is; always 1.",
            {{"version", std::string(Version())}, {"revision", std::string(Revision())}})) {
    build_info_.Set(1);
  }

  Status Start() {
    // First what people write and may have got wrong, before anything is touched.
    TOCSIN_ASSIGN_OR_RETURN(RuleFiles rules, ReadRuleFiles(config_.rule_files));
    TOCSIN_ASSIGN_OR_RETURN(engine_, engine::Engine::Open(EngineOptionsOf(config_, &memory_),
                                                          Clock::Real(), registry_));
    remote_write_ = std::make_unique<RemoteWriteService>(config_, memory_.budgets().max_shards,
                                                         engine_.get(), &registry_);
    overrides_ = std::make_unique<OverridesService>(config_, engine_.get(), &registry_);
    TOCSIN_RETURN_IF_ERROR(overrides_->Start());
    sink_ = std::make_unique<OtlpSink>(engine_.get());
    metrics_intake_ = std::make_unique<MetricsIntake>(config_, &memory_, engine_.get(), &registry_);
    receive::OtlpOptions otlp_options;
    otlp_options.max_request_bytes = memory_.budgets().max_request_bytes;
    otlp_ = std::make_unique<receive::OtlpReceiver>(sink_.get(), otlp_options, &registry_);
    listeners_ = std::make_unique<Listeners>(config_, &memory_, otlp_.get(), &registry_);
    alerts_ = std::make_unique<AlertService>(config_, engine_.get(), &registry_);
    RegisterApi();
    TOCSIN_ASSIGN_OR_RETURN(const Addresses addresses, listeners_->Start());
    const std::string own = Reachable(addresses.front().second);
    scrapes_ = std::make_unique<ScrapeService>(config_, own, &engine_->series(), &registry_);
    TOCSIN_RETURN_IF_ERROR(alerts_->Start(std::move(rules), own));
    phase_ = Phase::kServing;
    log::Info("ready", {{"version", Version()}, {"data", config_.storage.path}});
    return WriteServerFile(config_.storage.path, addresses);
  }

  /// Reads the configuration again.
  void Reload() { static_cast<void>(reloading_.Run()); }

  // What was started is ended in the opposite order: first what brings work in.
  Status Stop() {
    phase_ = Phase::kStopping;
    RemoveServerFile(config_.storage.path);
    notifications_.Raise("Tocsin is stopping: requests in flight are being finished.");
    notifications_.Close();  // The shutdown waits for those who listen.
    // Half of the time for requests in flight, the rest for what must be written and sent.
    if (listeners_ != nullptr) listeners_->Shutdown(config_.server.graceful_shutdown_timeout / 2);
    if (alerts_ != nullptr) alerts_->Stop();
    listeners_.reset();
    scrapes_.reset();
    alerts_.reset();
    overrides_.reset();
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
    return std::clamp<size_t>(config.storage.max_workers, 1, FindProcessors());
  }

  // Beside the thread that answers, so that all together are no more than the cores.
  static std::unique_ptr<ThreadPool> MakeQueryHelpers(const config::Config& config) {
    const size_t threads = QueriesAtOnce(config) - 1;
    if (threads == 0) return nullptr;
    return std::make_unique<ThreadPool>("query", threads, 4 * threads);
  }

  void RegisterApi() {
    http::Router* router = &listeners_->api_router();
    RegisterTempo(router);
    api::ExportOptions exports;
    exports.tenant = receive::kSingleTenant;
    exports.strict_traceql = config_.strict_traceql;
    api::RegisterExport(engine_->spans(), gate_, std::move(exports), router);
    RegisterPrometheusApi({.config = &config_,
                           .effective_config = &effective_config_,
                           .engine = engine_.get(),
                           .planned_memory = memory_.budgets().planned,
                           .gate = &gate_,
                           .scraper = [this] { return Scraper(); },
                           .registry = &registry_,
                           .notifications = &notifications_,
                           .alertmanagers = [this] { return alerts_->Alertmanagers(); },
                           .ready = [this] { return Ready(); },
                           .reload = [this] { return reloading_.Run(); },
                           .last_reload = [this] { return reloading_.last(); }},
                          router);
    api::RegisterRules(alerts_->Rules(), router);
    if (config_.rules.api) api::RegisterRuleEditor(alerts_->rule_library(), router);
    api::RegisterAlertmanager(
        alerts_->Alertmanager(std::string(Version()), std::string(Revision())), router);
    api::AdminBackend admin;
    admin.version = Version();
    admin.revision = Revision();
    admin.ready = [this] { return Ready(); };
    admin.metrics = [this](api::MetricsFormat format) { return Metrics(TelemetryFormat(format)); };
    admin.flush = [this] { return engine_->Flush(); };
    admin.rule_editor = config_.rules.api;
    api::RegisterAdmin(std::move(admin), router);
    RegisterStatus(router);
    RegisterStore(router);
    api::RegisterProfiles({.cpu = &profile::TakeCpuProfile, .heap = &profile::TakeHeapProfile},
                          router);
    metrics_intake_->Register(&gate_, router);
    if (config_.overrides.user_configurable) {
      api::OverridesOptions options;
      options.tenant = receive::kSingleTenant;
      options.check_conflicts = config_.overrides.check_conflicts;
      options.check = &OverridesService::Check;
      api::RegisterOverrides(&overrides_->tenants(), options, router);
    }
    if (config_.queries.mcp_server) RegisterMcp(router);
    ui::RegisterUi(router);
    api::RegisterMetrics(
        [this, options = CollectorOptionsOf(config_.self_metrics)](api::MetricsFormat format) {
          return telemetry::Expose(telemetry::CollectorView(registry_.Collect(), options),
                                   TelemetryFormat(format));
        },
        &listeners_->telemetry_router());
  }

  std::string Metrics(telemetry::Format format) {
    memory_.Measure(engine_.get());
    return registry_.Expose(format);
  }

  // Null until everything serves: the listeners are open before.
  const scrape::Scraper* Scraper() const {
    return phase_ == Phase::kServing ? &scrapes_->scraper() : nullptr;
  }

  Status Apply(const config::Config& next) {
    if (const Status ready = Ready(); !ready.ok()) return ready;
    TOCSIN_RETURN_IF_ERROR(alerts_->Reload(next));  // All of it, or nothing.
    scrapes_->Reload(next);
    remote_write_->Reload(next);
    return {};
  }

  void RegisterMcp(http::Router* router) {
    api::McpBackend mcp;
    mcp.version = Version();
    mcp.count = [this](std::string_view tool) {
      registry_
          .GetCounter("tempo_query_frontend_mcp_calls_total", "Calls of tools by language models.",
                      {{"tool", std::string(tool)}})
          .Add(1);
    };
    api::RegisterMcp(std::move(mcp), router);
  }

  Result<std::string> Snapshot(const std::string& name) {
    const std::filesystem::path folder = std::filesystem::path(config_.storage.path) / "snapshots";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return UnavailableError("cannot make " + folder.string() + ": " + error.message());
    std::string path = std::filesystem::absolute(folder / name, error).string();
    TOCSIN_RETURN_IF_ERROR(engine_->Snapshot(path));
    return path;
  }

  void RegisterStore(http::Router* router) {
    const std::string tenant(receive::kSingleTenant);
    api::StoreAdminBackend store;
    store.queries = tempo_.get();
    store.remove = [this, tenant](const std::vector<TraceId>& traces) {
      std::vector<storage::TraceDeletion> deletions;
      deletions.reserve(traces.size());
      for (const TraceId& trace : traces) deletions.push_back({.trace = trace, .spans = {}});
      return engine_->DeleteTraces(tenant, deletions);
    };
    store.pin = [this, tenant](const TraceId& id) { return engine_->PinTrace(tenant, id); };
    store.unpin = [this, tenant](const TraceId& id) { return engine_->UnpinTrace(tenant, id); };
    store.pinned = [this, tenant] { return engine_->spans().Pinned(tenant); };
    store.snapshot = [this](const std::string& name) { return Snapshot(name); };
    api::RegisterStoreAdmin(std::move(store), router);
  }

  void RegisterTempo(http::Router* router) {
    const config::Queries& limits = config_.queries;
    api::TempoOptions tempo;
    tempo.tenant = receive::kSingleTenant;
    tempo.strict_traceql = config_.strict_traceql;
    tempo.query_timeout = limits.timeout;
    tempo.limits = [this, tenant = tempo.tenant] { return overrides_->LimitsOf(tenant); };
    tempo.default_limit = limits.default_result_limit;
    tempo.max_limit = limits.max_result_limit;
    tempo.default_spans = limits.default_spans_per_span_set;
    tempo.max_spans = limits.max_spans_per_span_set;
    tempo.helpers = query_helpers_.get();
    tempo.memory = memory_.queries();
    tempo_ = std::make_unique<api::TempoQueries>(engine_->spans(), gate_, std::move(tempo));
    api::RegisterTempo(*tempo_, router);
    api::RegisterTraceById(*tempo_, router);
    api::RegisterTraceDiff(*tempo_, router);
    api::RegisterJaeger(*tempo_, router);
    api::RegisterZipkin(*tempo_, "/zipkin", router);
    api::RegisterServiceGraph(*tempo_, router);
    api::TempoMetricsOptions metrics;
    metrics.tenant = receive::kSingleTenant;
    metrics.strict_traceql = config_.strict_traceql;
    metrics.max_range = [this, tenant = metrics.tenant] {
      return overrides_->MetricsRangeOf(tenant);
    };
    metrics.query_timeout = limits.timeout;
    metrics.helpers = query_helpers_.get();
    metrics.memory = memory_.queries();
    api::RegisterTempoMetrics(engine_->spans(), gate_, metrics, router);
    api::StreamBackend streams;
    streams.queries = tempo_.get();
    streams.metrics =
        [this, metrics](
            const api::MetricsRequest& request,
            const std::function<Status()>& interrupted) -> Result<traceql::MetricsResult> {
      TOCSIN_ASSIGN_OR_RETURN(const api::QueryGate::Pass pass, gate_.Enter(interrupted));
      return api::RunMetrics(engine_->spans(), metrics, request, interrupted);
    };
    listeners_->AddStreams(api::TempoStreams(std::move(streams)));
  }

  void RegisterStatus(http::Router* router) {
    api::StatusBackend status;
    status.version = Version();
    status.revision = Revision();
    status.config = effective_config_;
    if (const auto defaults = config::Load({})) status.default_config = defaults->effective;
    status.parts = [this] { return Parts(); };
    status.tenant = receive::kSingleTenant;
    status.overrides = [this, tenant = status.tenant] { return overrides_->Pages(tenant); };
    status.metrics = [this] { return Metrics(telemetry::Format::kText); };
    api::RegisterStatusPages(std::move(status), router);
  }

  std::vector<api::StatusBackend::Part> Parts() const {
    const Status ready = Ready();
    const std::string state = ready.ok()                   ? "Running"
                              : phase_ == Phase::kStarting ? "Starting"
                                                           : "Stopping";
    std::vector<api::StatusBackend::Part> parts;
    for (const char* name :
         {"server", "receivers", "span-store", "series-store", "query", "rules", "alert-router"}) {
      parts.push_back({name, state});
    }
    if (config_.metrics_generator.enabled) parts.push_back({"metrics-generator", state});
    if (!config_.remote_write.empty()) parts.push_back({"remote-write", state});
    return parts;
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
  const std::string& effective_config_;
  telemetry::Registry registry_;
  MemoryService memory_;  // Used by everything below.
  api::QueryGate gate_;
  const std::unique_ptr<ThreadPool> query_helpers_;  // Null on one core.
  api::Notifications notifications_;
  Reloading reloading_;
  Gauge& build_info_;
  std::atomic<Phase> phase_ = Phase::kStarting;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<RemoteWriteService> remote_write_;
  std::unique_ptr<OverridesService> overrides_;
  std::unique_ptr<OtlpSink> sink_;
  std::unique_ptr<MetricsIntake> metrics_intake_;
  std::unique_ptr<receive::OtlpReceiver> otlp_;
  std::unique_ptr<AlertService> alerts_;
  std::unique_ptr<api::TempoQueries> tempo_;  // Used by the listeners until they end.
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

Status Serve(const config::Loaded& loaded,
             const std::function<Result<config::Loaded>()>& read_again) {
  // Before there is a second thread.
  mallopt(M_ARENA_MAX, kMallocArenas);          // NOLINT(concurrency-mt-unsafe)
  mallopt(M_TRIM_THRESHOLD, kMallocTrimBytes);  // NOLINT(concurrency-mt-unsafe)
  log::SetLevel(LevelNamed(loaded.config.server.log_level));
  Service service(loaded, read_again);
  if (const Status started = service.Start(); !started.ok()) {
    log::Error("cannot start", {{"error", started.message()}});
    const Status stopped = service.Stop();
    if (!stopped.ok()) log::Error("closing failed", {{"error", stopped.ToString()}});
    return started;
  }
  Signal signal = WaitForSignal();
  for (; signal == Signal::kHangUp; signal = WaitForSignal()) service.Reload();
  log::Info("stopping", {{"signal", SignalName(signal)}});
  const Status stopped = service.Stop();
  log::Info("stopped", {{"status", stopped.ToString()}});
  return stopped;
}

}  // namespace tocsin::server
