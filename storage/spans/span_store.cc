// The way in (Append), the way out (View) and the life of the threads. How rows get from the live
// set to disk is in sealing.cc, how a restart puts all together again in recovery.cc.

#include "storage/spans/span_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/log.h"
#include "storage/columnar/batch_codec.h"
#include "storage/spans/store_view.h"

namespace tocsin::storage {

SpanStore::SpanStore(SpanStoreOptions options, const Clock& clock, Telemetry& telemetry)
    : options_(std::move(options)),
      sizes_(options_.max_bytes),
      clock_(clock),
      telemetry_(telemetry),
      log_cpu_(telemetry.GetCounter("tocsin_stage_cpu_seconds_total",
                                    "CPU seconds by stage of the ingest path.",
                                    {{"stage", "log"}})),
      seal_cpu_(telemetry.GetCounter("tocsin_stage_cpu_seconds_total",
                                     "CPU seconds by stage of the ingest path.",
                                     {{"stage", "seal"}})),
      damaged_segments_(telemetry.GetCounter("tocsin_spans_damaged_segments_total",
                                             "Segments found damaged and put aside.")),
      damaged_shortcuts_(telemetry.GetCounter(
          "tocsin_spans_damaged_shortcuts_total",
          "Segments whose value filter or counts were found damaged: queries read more of them.")),
      damaged_records_(
          telemetry.GetCounter("tocsin_spans_log_damaged_records_total",
                               "Records of the live log whose batch could not be read.")),
      damaged_files_(telemetry.GetCounter("tocsin_spans_damaged_files_total",
                                          "Small files beside the volumes found damaged and put "
                                          "aside: the list of pins.")),
      duplicates_(telemetry.GetCounter("tocsin_spans_repeated_requests_total",
                                       "Requests that were recognised as repeats.")),
      merges_(telemetry.GetCounter("tocsin_spans_merges_total",
                                   "Times that small segments became one.")),
      deleted_rows_(telemetry.GetCounter("tocsin_spans_deleted_total",
                                         "Spans that were deleted on request.")),
      cache_(std::make_shared<ColumnCache>(options_.cache_bytes, telemetry)),
      limits_(std::make_shared<const SpanLimits>(options_.limits)),
      checkpoint_(options_.checkpoint) {}

Result<std::unique_ptr<SpanStore>> SpanStore::Open(SpanStoreOptions options, const Clock& clock,
                                                   Telemetry& telemetry,
                                                   const BatchObserver& replay) {
  std::unique_ptr<SpanStore> store(new SpanStore(std::move(options), clock, telemetry));
  TOCSIN_RETURN_IF_ERROR(store->Recover(replay));
  if (store->options_.background) {
    SpanStore* raw = store.get();
    store->seal_thread_ = std::thread([raw] { raw->SealInBackground(); });
    store->compaction_thread_ = std::thread([raw] { raw->MaintainInBackground(); });
  }
  return store;
}

SpanStore::~SpanStore() {
  {
    const std::scoped_lock lock(wake_mutex_, compaction_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  have_room_.notify_all();
  compaction_changed_.notify_all();
  if (seal_thread_.joinable()) seal_thread_.join();
  if (compaction_thread_.joinable()) compaction_thread_.join();
}

Result<SpanStore::AppendResult> SpanStore::Append(const AppendRequest& request,
                                                  const BatchObserver& observe) {
  if (request.spans->empty()) return AppendResult{last_position(), false, 0, {}};
  // Asked before the work of encoding, and once more under the lock of the log.
  LiveLog::Appended appended;
  AppendResult result;
  if (const auto first = log_->FindRecent(request.tenant, request.body_hash, clock_.Now())) {
    appended = {*first, true};
  } else {
    TOCSIN_RETURN_IF_ERROR(WaitForRoom());
    const Nanos cpu = ThreadCpuNanos();
    AppendRequest bounded = request;
    Bound(request.tenant, &bounded.spans, &result);
    if (bounded.spans->empty()) return result;
    const std::string payload = EncodeBatch(*bounded.spans);
    LiveLog::Entry entry;
    entry.body_hash = request.body_hash;
    entry.tenant = request.tenant;
    entry.payload = payload;
    log_cpu_.Add(static_cast<double>(ThreadCpuNanos() - cpu) / kSecond);
    TOCSIN_ASSIGN_OR_RETURN(appended, AppendLocked(entry, bounded, observe));
    if (live_bytes_.load() > options_.live_bytes_budget) Wake();
  }
  if (appended.duplicate) duplicates_.Add(1);
  TOCSIN_RETURN_IF_ERROR(log_->WaitDurable(appended.position));
  result.position = appended.position;
  result.duplicate = appended.duplicate;
  return result;
}

Result<LiveLog::Appended> SpanStore::AppendLocked(const LiveLog::Entry& entry,
                                                  const AppendRequest& request,
                                                  const BatchObserver& observe) {
  const Nanos cpu = ThreadCpuNanos();
  const std::lock_guard lock(append_mutex_);
  LiveLog::Entry stamped = entry;
  stamped.received = clock_.Now();
  TOCSIN_ASSIGN_OR_RETURN(const LiveLog::Appended appended, log_->Append(stamped));
  if (!appended.duplicate) {
    LogRecord record;
    record.position = appended.position;
    record.received = stamped.received;
    record.tenant = request.tenant;
    InsertLive(record, request.spans, {});
    log_cpu_.Add(static_cast<double>(ThreadCpuNanos() - cpu) / kSecond);
    if (observe) {
      observe({appended.position, stamped.received, request.tenant, *request.spans});
    }
    // Only now: whoever makes a checkpoint at last_position() has observed it.
    applied_.store(appended.position);
  }
  return appended;
}

void SpanStore::InsertLive(const LogRecord& record, std::shared_ptr<const SpanBatch> spans,
                           const std::vector<bool>& sealed) {
  const std::lock_guard lock(mutex_);
  LiveTraces& live = TenantLocked(record.tenant).live;
  const size_t before = live.bytes();
  live.Insert(record.position, record.received, std::move(spans), sealed);
  live_bytes_.fetch_add(live.bytes() - before);
}

SpanStore::Tenant& SpanStore::TenantLocked(std::string_view name) {
  auto it = tenants_.find(name);
  if (it == tenants_.end()) {
    const LiveTraces::BlockLimits limits{kMaxSegmentRows, options_.max_block_bytes};
    it = tenants_.emplace(name, std::make_unique<Tenant>(limits)).first;
  }
  return *it->second;
}

bool SpanStore::OverBound(uint64_t eighths) const {
  return live_bytes_.load() >= options_.live_bytes_budget / 8 * eighths ||
         log_->bytes() >= sizes_.log_bytes / 8 * eighths;
}

// Waits from an eighth above the budgets, as memory that is used once is paid for ever, and refuses
// at half above.
Status SpanStore::WaitForRoom() {
  constexpr uint64_t kWait = 9;
  constexpr uint64_t kRefuse = 12;
  if (!OverBound(kWait)) return {};
  Wake();
  std::unique_lock lock(wake_mutex_);
  have_room_.wait_for(lock, std::chrono::nanoseconds(options_.backpressure_wait),
                      [&] { return stopping_ || seal_failing_.load() || !OverBound(kWait); });
  if (!OverBound(kRefuse)) return {};
  if (seal_failing_.load()) return UnavailableError("spans cannot be written to disk for now");
  return ResourceExhaustedError("more spans arrive than can be sealed; retry later");
}

void SpanStore::SetCheckpoint(LogPosition position) {
  LogPosition known = checkpoint_.load();
  while (known < position && !checkpoint_.compare_exchange_weak(known, position)) {
  }
  // The log may have waited for nothing else, and Append() for the log.
  if (log_->bytes() > sizes_.log_bytes / 2) Wake();
}

std::shared_ptr<const traceql::SpanView> SpanStore::View(std::string_view tenant, uint64_t from,
                                                         uint64_t to) const {
  ViewContent content;
  content.from = from;
  content.to = to;
  {
    const std::lock_guard resolving(resolve_mutex_);
    ResolveLive(tenant);
    // Rows change sides under this lock, all of a block's at once: none is seen twice or missed.
    const std::lock_guard lock(mutex_);
    if (const auto it = tenants_.find(tenant); it != tenants_.end()) {
      LiveTraces& live = it->second->live;
      // What came since.
      MarkResolvedLocked(*it->second, live.TakeUnchecked());
      live.AppendParts(&content.live);
      content.live_split = live.split();
      content.segments = it->second->segments;
    }
  }
  return std::make_shared<StoreView>(std::move(content), cache_,
                                     DamageCounters{damaged_segments_, damaged_shortcuts_});
}

SpanStore::Stats SpanStore::GetStats() const {
  Stats stats;
  stats.log_bytes = log_->bytes();
  stats.live_bytes = live_bytes_.load();
  stats.cache_bytes = cache_->bytes();
  stats.recent_requests = log_->recent_requests();
  stats.disk_bytes = disk_bytes_.load();
  stats.volumes = volume_count_.load();
  const std::lock_guard lock(mutex_);
  for (const auto& [name, tenant] : tenants_) {
    stats.live_traces += tenant->live.traces();
    stats.open_block_wire_bytes += tenant->live.block_wire_bytes();
    if (tenant->segments != nullptr) stats.segments += tenant->segments->segments().size();
  }
  return stats;
}

void SpanStore::Wake() {
  {
    const std::lock_guard lock(wake_mutex_);
    woken_ = true;
  }
  wake_.notify_one();
}

void SpanStore::SealInBackground() {
  constexpr auto kTick = std::chrono::milliseconds(250);
  std::unique_lock lock(wake_mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kTick, [this] { return stopping_ || woken_; });
    woken_ = false;
    if (stopping_) return;
    lock.unlock();
    if (const Status done = RunDue(); !done.ok()) {
      log::Warn("sealing_failed", {{"error", done.ToString()}});
    }
    lock.lock();
  }
}

}  // namespace tocsin::storage
