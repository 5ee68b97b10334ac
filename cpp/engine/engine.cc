#include "cpp/engine/engine.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/base/log.h"
#include "storage/volume/files.h"

namespace tocsin::engine {
namespace {

constexpr std::string_view kGeneratorSection = "generator";
constexpr std::string_view kCheckpointKey = "checkpoint";
constexpr Nanos kMaintainInterval = 5 * kSecond;
// A decoded request takes about what its body takes, which is there too.
constexpr size_t kMemoryOfRequest = 2;
constexpr Nanos kExpireInterval = 2 * kMinute;
// A checkpoint that somebody waits for is made soon; others come with each collection.
constexpr Nanos kNoHurry = kHour;

constexpr std::string_view kStageName = "tocsin_stage_cpu_seconds_total";
constexpr std::string_view kStageHelp = "CPU time of a stage of the ingest path.";
constexpr std::string_view kDiscardedName = "tempo_discarded_spans_total";
constexpr std::string_view kDiscardedHelp = "Spans that were refused, by reason.";

// Adds the CPU time of the enclosing scope to a counter.
class StageTimer {
 public:
  explicit StageTimer(Counter& counter) : counter_(counter), begin_(ThreadCpuNanos()) {}
  ~StageTimer() {
    counter_.Add(static_cast<double>(std::max<Nanos>(ThreadCpuNanos() - begin_, 0)) * 1e-9);
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Counter& counter_;
  const Nanos begin_;
};

void LogFailure(std::string_view what, const Status& status) {
  if (!status.ok()) log::Warn(what, {{"error", status.ToString()}});
}

EngineOptions WithPaths(EngineOptions options) {
  options.spans.path = options.path + "/spans";
  options.series.directory = options.path + "/series";
  if (options.max_bytes > 0) {
    options.series.max_bytes = options.max_bytes / 10;
    options.series.log_keep_bytes =
        std::min<uint64_t>(options.series.log_keep_bytes, options.max_bytes / 20);
    options.spans.max_bytes = options.max_bytes - options.series.max_bytes;
  }
  options.metrics.collection_interval = options.collection_interval;
  return options;
}

}  // namespace

Engine::Engine(EngineOptions options, const Clock& clock, Telemetry& telemetry)
    : options_(WithPaths(std::move(options))),
      clock_(clock),
      telemetry_(telemetry),
      decode_cpu_(telemetry.GetCounter(kStageName, kStageHelp, {{"stage", "decode"}})),
      observe_cpu_(telemetry.GetCounter(kStageName, kStageHelp, {{"stage", "observe"}})),
      discarded_trace_id_(
          telemetry.GetCounter(kDiscardedName, kDiscardedHelp, {{"reason", "invalid_trace_id"}})),
      discarded_span_id_(
          telemetry.GetCounter(kDiscardedName, kDiscardedHelp, {{"reason", "invalid_span_id"}})),
      discarded_too_large_(
          telemetry.GetCounter(kDiscardedName, kDiscardedHelp, {{"reason", "trace_too_large"}})),
      collection_interval_(options_.collection_interval) {}

Engine::~Engine() { LogFailure("closing failed", Close()); }

Result<std::unique_ptr<Engine>> Engine::Open(EngineOptions options, const Clock& clock,
                                             Telemetry& telemetry) {
  std::unique_ptr<Engine> engine(new Engine(std::move(options), clock, telemetry));
  if (Status status = engine->OpenParts(); !status.ok()) {
    engine->closed_ = true;  // There is nothing to save.
    return Failure(std::move(status));
  }
  if (engine->options_.background) engine->StartThreads();
  return engine;
}

Status Engine::OpenParts() {
  TOCSIN_ASSIGN_OR_RETURN(lock_, storage::DirectoryLock::Acquire(options_.path));
  TOCSIN_ASSIGN_OR_RETURN(state_, storage::StateDb::Open(options_.path + "/state", telemetry_));
  storage::SeriesStoreOptions series = options_.series;
  series.clock = &clock_;
  series.telemetry = &telemetry_;
  TOCSIN_ASSIGN_OR_RETURN(series_, storage::SeriesStore::Open(std::move(series)));
  TOCSIN_RETURN_IF_ERROR(RestoreMetrics());

  storage::SpanStoreOptions spans = options_.spans;
  const storage::LogPosition checkpoint = metrics_ == nullptr ? UINT64_MAX : metrics_->position();
  spans.checkpoint = checkpoint;
  spans.background = options_.background;
  // Made before the store, which may ask for a checkpoint as soon as it is open.
  checkpointer_ = std::make_unique<Periodic>("checkpoint", [this] {
    LogFailure("checkpoint failed", SaveCheckpoint());
    return kNoHurry;
  });
  if (options_.background) {
    spans.want_checkpoint = [this] { checkpointer_->Wake(); };
  }
  storage::BatchObserver replay;
  if (metrics_ != nullptr) {
    replay = [this](const storage::LoggedBatch& batch) {
      metrics_->Replay(batch.spans, batch.position);
    };
  }
  TOCSIN_ASSIGN_OR_RETURN(spans_,
                          storage::SpanStore::Open(std::move(spans), clock_, telemetry_, replay));
  spans_->SetCheckpoint(checkpoint);
  selector_retention_ = std::make_unique<SelectorRetention>(*spans_, clock_);
  OpenQueries();
  return {};
}

void Engine::OpenQueries() {
  trace_selector_ = std::make_unique<TraceSelector>(
      *spans_, TraceSelectorOptions{.tenant = options_.tenant,
                                    .strict = options_.strict_traceql,
                                    .memory = options_.query_memory});
  promql::EngineOptions promql = options_.promql;
  promql.traces = trace_selector_.get();
  promql.memory = options_.query_memory;
  if (promql.parser.check_traces == nullptr) {
    promql.parser.check_traces = options_.strict_traceql ? CheckStrictTraceQuery : CheckTraceQuery;
  }
  promql_ = std::make_unique<const promql::Engine>(promql, clock_);
  evidence_ = std::make_unique<TraceEvidence>(
      *spans_, *series_,
      EvidenceOptions{.tenant = options_.tenant,
                      .strict_traceql = options_.strict_traceql,
                      .trace_id_label = options_.metrics.trace_id_label_name,
                      .lookback = options_.promql.lookback});
}

Status Engine::RestoreMetrics() {
  if (!options_.generate_metrics) return {};
  TOCSIN_ASSIGN_OR_RETURN(metrics_, generate::SpanMetrics::Create(options_.metrics, telemetry_));
  TOCSIN_ASSIGN_OR_RETURN(const std::optional<std::string> checkpoint,
                          state_->Get(kGeneratorSection, kCheckpointKey));
  if (!checkpoint) return {};
  return metrics_->Restore(*checkpoint);
}

void Engine::StartThreads() {
  checkpointer_->Start(kNoHurry);
  collector_ = std::make_unique<Periodic>("collect", [this] {
    LogFailure("collection failed", Collect());
    return collection_interval_.load();
  });
  collector_->Start(collection_interval_);
  series_syncer_ = std::make_unique<Periodic>("series-sync", [this] {
    LogFailure("sync of the series failed", series_->Sync());
    return options_.series_sync_interval;
  });
  if (!options_.series.sync_always) series_syncer_->Start(options_.series_sync_interval);
  series_maintainer_ = std::make_unique<Periodic>("series", [this] {
    LogFailure("maintenance of the series failed", series_->Maintain());
    return kMaintainInterval;
  });
  series_maintainer_->Start(kMaintainInterval);
  selector_expirer_ = std::make_unique<Periodic>("selector-retention", [this] {
    const Result<uint64_t> expired = ExpireSelected();
    if (!expired) LogFailure("retention by selector failed", expired.error());
    return kExpireInterval;
  });
  selector_expirer_->Start(kExpireInterval);
}

void Engine::Observe(const storage::LoggedBatch& batch) {
  const StageTimer timer(observe_cpu_);
  metrics_->Observe(batch.spans, batch.position);
}

Result<ExportResult> Engine::Export(std::string_view tenant, std::string_view body,
                                    wire::OtlpEncoding encoding) {
  MemoryLease memory(options_.request_memory);
  if (!memory.Take(kMemoryOfRequest * body.size())) {
    return ResourceExhaustedError(
        "the requests in flight take all memory that there is for them; retry later");
  }
  std::optional<Result<wire::DecodeResult>> decoded;
  storage::SpanStore::AppendRequest request;
  {
    const StageTimer timer(decode_cpu_);
    decoded.emplace(wire::DecodeOtlp(body, encoding));
    request.body_hash = Hash128(body);
  }
  if (!decoded->has_value()) return Failure(decoded->error());
  wire::DecodeResult& result = **decoded;
  discarded_trace_id_.Add(static_cast<double>(result.invalid_trace_id));
  discarded_span_id_.Add(static_cast<double>(result.invalid_span_id));

  ExportResult outcome;
  outcome.accepted = result.batch.rows();
  outcome.rejected = result.rejected_spans;
  outcome.message = std::move(result.rejection);
  request.tenant = tenant;
  request.spans = std::make_shared<const SpanBatch>(std::move(result.batch));
  const Result<storage::SpanStore::AppendResult> appended =
      spans_->Append(request, [this](const storage::LoggedBatch& batch) {
        if (metrics_ != nullptr) Observe(batch);
      });
  if (!appended) return Failure(appended.error());
  if (appended->refused > 0) {
    discarded_too_large_.Add(static_cast<double>(appended->refused));
    outcome.accepted -= appended->refused;
    outcome.rejected += appended->refused;
    if (!outcome.message.empty()) outcome.message += "; ";
    outcome.message += appended->refusal;
  }
  return outcome;
}

Status Engine::SaveCheckpoint() {
  if (metrics_ == nullptr) return {};
  const std::scoped_lock lock(checkpoint_mutex_);
  // The text is of one moment; its position is read from it again at the restore, and here no later
  // than it was made, so that the log is never dropped ahead of what is saved.
  const storage::LogPosition position = metrics_->position();
  TOCSIN_RETURN_IF_ERROR(state_->Put(kGeneratorSection, kCheckpointKey, metrics_->Checkpoint()));
  spans_->SetCheckpoint(position);
  return {};
}

Status Engine::Snapshot(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory, error)) {
    return AlreadyExistsError("there is a " + directory + " already");
  }
  // Under another name until it is whole.
  const std::string making = directory + std::string(storage::kTemporarySuffix);
  TOCSIN_RETURN_IF_ERROR(storage::RemoveTree(making));  // Of a crash.
  TOCSIN_RETURN_IF_ERROR(storage::MakeDirectory(making));
  Status copied = CopyParts(making);
  if (copied.ok()) copied = storage::RenameFile(making, directory);
  if (!copied.ok()) {
    LogFailure("snapshot not removed", storage::RemoveTree(making));
    return copied;
  }
  const std::string parent = std::filesystem::absolute(directory, error).parent_path().string();
  return storage::SyncDirectory(parent);
}

Status Engine::CopyParts(const std::string& directory) {
  // No other checkpoint meanwhile: the log is dropped no further than the one that is copied says,
  // and so has all that the counters in it do not count yet.
  const std::scoped_lock lock(checkpoint_mutex_);
  TOCSIN_RETURN_IF_ERROR(state_->Snapshot(directory + "/state"));
  TOCSIN_RETURN_IF_ERROR(series_->SnapshotTo(directory + "/series"));
  TOCSIN_RETURN_IF_ERROR(spans_->Snapshot(directory + "/spans"));
  return storage::SyncDirectory(directory);
}

Status Engine::Collect() {
  if (metrics_ == nullptr) return {};
  if (write_metrics_) TOCSIN_RETURN_IF_ERROR(metrics_->Collect(clock_.Now(), *series_));
  return SaveCheckpoint();
}

void Engine::SetCollection(Nanos interval, bool write) {
  write_metrics_ = write;
  // A shorter interval does not wait for the end of a longer one.
  const Nanos before = collection_interval_.exchange(interval);
  if (interval != before && collector_ != nullptr) collector_->Wake();
}

Status Engine::Flush() {
  TOCSIN_RETURN_IF_ERROR(Collect());
  TOCSIN_RETURN_IF_ERROR(spans_->Flush());
  return series_->Flush();
}

Status Engine::Close() {
  if (std::exchange(closed_, true)) return {};
  collector_.reset();
  selector_expirer_.reset();
  series_maintainer_.reset();
  series_syncer_.reset();
  Status status = Collect();
  // The store's threads may ask for a checkpoint until they are gone.
  if (checkpointer_ != nullptr) checkpointer_->Stop();
  spans_.reset();
  if (const Status synced = series_->Sync(); status.ok()) status = synced;
  series_.reset();
  metrics_.reset();
  state_.reset();
  lock_.reset();
  return status;
}

}  // namespace tocsin::engine
