/// The pipeline as a library: what a server and a notebook share. It decodes, stores and counts
/// spans, keeps series, evaluates rules, and opens and closes a data directory. No sockets.
///
///     <data>/LOCK, server.json     who holds the directory
///     <data>/spans/                live log and volumes (storage/spans)
///     <data>/series/               samples (storage/series)
///     <data>/state/                checkpoints, alert states (storage/state)

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/engine/evidence.h"
#include "cpp/engine/periodic.h"
#include "cpp/engine/selector_retention.h"
#include "cpp/engine/trace_selector.h"
#include "cpp/generate/span_metrics.h"
#include "cpp/promql/engine.h"
#include "cpp/wire/otlp_json_decode.h"
#include "storage/series/series_store.h"
#include "storage/spans/directory_lock.h"
#include "storage/spans/span_store.h"
#include "storage/state/state_db.h"

namespace tocsin::engine {

struct EngineOptions {
  std::string path;  ///< The data directory; made if absent.
  /// Cap of the whole directory in bytes; 0: no cap. A tenth is the series' share.
  uint64_t max_bytes = 0;
  storage::SpanStoreOptions spans;  ///< `path`, `max_bytes` and what recovery needs are filled in.
  storage::SeriesStoreOptions series;  ///< `directory` and `max_bytes` are filled in.
  generate::SpanMetricsOptions metrics;
  bool generate_metrics = true;
  Nanos collection_interval = 15 * kSecond;
  Nanos series_sync_interval = 100 * kMillisecond;
  promql::EngineOptions promql;  ///< `traces` and, if null, `parser.check_traces` are filled in.
  std::string tenant = "single-tenant";  ///< Whose spans traceql() and evidence of alerts see.
  bool strict_traceql = false;           ///< Of traceql(): refuse what Tempo's parser refuses.
  // What decoded requests may take together, and what queries may; borrowed. Null: no bound.
  MemoryPool* request_memory = nullptr;
  MemoryPool* query_memory = nullptr;
  /// False: no threads; time passes by calls of Collect() and RunDue() of the parts. For tests.
  bool background = true;
};

/// What became of one request. Its spans are durable as far as the log's policy goes, found by the
/// next query, and counted once.
struct ExportResult {
  uint64_t accepted = 0;
  /// For good, because of invalid ids or a trace that is too large; the others were kept.
  uint64_t rejected = 0;
  std::string message;  ///< Why spans were rejected.
};

/// Thread-safe.
class Engine {
 public:
  /// Locks the directory, opens and recovers every part. Errors: kAlreadyExists (held by another
  /// process, which the message names), kUnavailable, kCorruption.
  static Result<std::unique_ptr<Engine>> Open(EngineOptions options, const Clock& clock,
                                              Telemetry& telemetry);
  /// Close(), its error ignored.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Takes an ExportTraceServiceRequest. kInvalidArgument with the place (byte offset, or line and
  /// column) for what is none; kUnavailable and kResourceExhausted as SpanStore::Append has them,
  /// the latter also when request_memory is used up; nothing is then kept.
  Result<ExportResult> Export(std::string_view tenant, std::string_view body,
                              wire::OtlpEncoding encoding = wire::OtlpEncoding::kProtobuf);

  /// Writes the span metrics of now to the series store and makes a checkpoint. Done every
  /// collection_interval in the background.
  Status Collect();

  /// How often that is, from now on; without `write` span metrics are counted and kept, but not
  /// written, neither by calls of Collect().
  void SetCollection(Nanos interval, bool write);

  /// Seals all spans, writes all series, and waits for compactions.
  Status Flush();

  /// Collects, makes a checkpoint and stops the threads; what is not sealed stays in the log.
  /// Idempotent. The first error is returned after everything was tried.
  Status Close();

  /// As SpanStore has them.
  Result<uint64_t> DeleteTraces(std::string_view tenant,
                                std::span<const storage::TraceDeletion> what) {
    return spans_->Delete(tenant, what);
  }
  Status PinTrace(std::string_view tenant, const TraceId& id) { return spans_->Pin(tenant, id); }
  Status UnpinTrace(std::string_view tenant, const TraceId& id) {
    return spans_->Unpin(tenant, id);
  }

  Status Redact(std::string_view tenant, storage::Redaction what,
                std::span<const storage::TraceDeletion> only) {
    return spans_->Redact(tenant, std::move(what), only);
  }

  /// As SelectorRetention has it; carried out in the background, at once and every few minutes.
  Status SetSelectorRetention(const SelectorRules& rules) {
    TOCSIN_RETURN_IF_ERROR(selector_retention_->Set(rules));
    if (selector_expirer_ != nullptr) selector_expirer_->Wake();
    return {};
  }
  Result<uint64_t> ExpireSelected() { return selector_retention_->Expire(); }

  /// Copies everything that was acknowledged before the call to `directory`, which must not exist
  /// (kAlreadyExists) and can be opened as a data directory once this returns OK; an engine on it
  /// has counted what its spans say. Work goes on meanwhile. What is sealed costs no room where the
  /// file system has links. After an error `directory` is not there.
  Status Snapshot(const std::string& directory);

  storage::SpanStore& spans() { return *spans_; }
  storage::SeriesStore& series() { return *series_; }
  storage::StateDb& state() { return *state_; }
  const promql::Engine& promql() const { return *promql_; }
  /// Traces for alerts, from what is stored here. Lives as long as this.
  const rules::EvidenceSource& evidence() const { return *evidence_; }
  const Clock& clock() const { return clock_; }

 private:
  Engine(EngineOptions options, const Clock& clock, Telemetry& telemetry);

  Status OpenParts();
  void OpenQueries();
  Status RestoreMetrics();
  Status SaveCheckpoint();
  Status CopyParts(const std::string& directory);
  void Observe(const storage::LoggedBatch& batch);
  void StartThreads();

  const EngineOptions options_;
  const Clock& clock_;
  Telemetry& telemetry_;
  Counter& decode_cpu_;
  Counter& observe_cpu_;
  Counter& discarded_trace_id_;
  Counter& discarded_span_id_;
  Counter& discarded_too_large_;

  std::unique_ptr<storage::DirectoryLock> lock_;
  std::unique_ptr<storage::StateDb> state_;
  std::unique_ptr<storage::SeriesStore> series_;
  std::unique_ptr<generate::SpanMetrics> metrics_;  // Null if nothing is generated.
  std::unique_ptr<storage::SpanStore> spans_;
  std::unique_ptr<SelectorRetention> selector_retention_;
  std::unique_ptr<TraceSelector> trace_selector_;
  std::unique_ptr<const promql::Engine> promql_;
  std::unique_ptr<TraceEvidence> evidence_;

  std::mutex checkpoint_mutex_;  // One checkpoint at a time.
  std::atomic<Nanos> collection_interval_;
  std::atomic<bool> write_metrics_{true};
  std::unique_ptr<Periodic> collector_;
  std::unique_ptr<Periodic> checkpointer_;
  std::unique_ptr<Periodic> series_syncer_;
  std::unique_ptr<Periodic> series_maintainer_;
  std::unique_ptr<Periodic> selector_expirer_;
  bool closed_ = false;
};

}  // namespace tocsin::engine
