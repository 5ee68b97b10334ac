/// SpanStore: everything that is kept of spans. A request is appended to the live log, is
/// searchable at once, and ends in a sealed segment of a volume. This header is what the rest of
/// the program sees of storage/spans; the stages have files of their own (live_log.h,
/// live_traces.h, volume_set.h, store_view.h).
///
/// Promises.
///   * What Append() acknowledged survives the end of the process, and with LogSync::kAlways the
///   loss
///     of power; a view taken after it sees it; nothing is in a view twice or left out, whatever is
///     sealed meanwhile; after a restart every view answers as before.
///   * A request is stored and observed once, however often its bytes come within ten minutes.
///   * The directory stays below `max_bytes` (plus a tenth for what comes and goes).
///   * A full disk makes Append() answer kUnavailable; views go on, and all heals without a
///   restart.
///   * Memory of unsealed rows is bounded by 1.5 x live_bytes_budget.

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/hash.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"
#include "storage/columnar/column_cache.h"
#include "storage/spans/deletions.h"
#include "storage/spans/live_log.h"
#include "storage/spans/live_traces.h"
#include "storage/spans/pins.h"
#include "storage/spans/redactions.h"
#include "storage/spans/segment.h"
#include "storage/spans/segment_set.h"
#include "storage/spans/span_limits.h"
#include "storage/spans/volume_set.h"

namespace tocsin::storage {

struct SpanStoreOptions {
  /// A directory, made if absent. The caller holds the DirectoryLock of the data directory.
  std::string path;

  /// A trace without new spans for so long is complete and goes to the open block.
  Nanos trace_idle_period = 10 * kSecond;
  /// A trace that goes on for longer goes there too.
  Nanos max_trace_live = kMinute;
  /// An open block is cut at so many wire bytes, at this age, or at kMaxSegmentRows.
  uint64_t max_block_bytes = 52'428'800;
  Nanos max_block_duration = 5 * kMinute;
  /// Data whose newest span ended longer ago is removed; 0: never.
  Nanos block_retention = 720 * kHour;
  /// What holds until SetLimits().
  SpanLimits limits;
  /// Cap of the whole directory; the oldest data goes first. 0: no cap.
  uint64_t max_bytes = 0;

  LogSync sync = LogSync::kInterval;
  Nanos sync_interval = 100 * kMillisecond;

  /// Bytes of memory for unsealed rows. Beyond it the oldest are sealed early.
  size_t live_bytes_budget = size_t{128} << 20;
  /// Bytes of memory for decoded columns, footers and filters. The columns of a million spans that
  /// traces are read from take 110 MiB.
  size_t cache_bytes = size_t{192} << 20;
  /// Wire bytes of rows that are merged at a time; twice as much memory is taken meanwhile.
  uint64_t max_merge_bytes = uint64_t{128} << 20;
  /// Requests that are remembered to tell repeats; 45 bytes each.
  size_t max_recent_requests = RecentRequests::kMaxRequests;
  /// How long Append() waits for sealing, in real time, when it is 9/8 of that or more. At 12/8 it
  /// refuses after the wait.
  Nanos backpressure_wait = 3 * kSecond;

  /// Records up to this were observed before the last end of the process (the generator's
  /// checkpoint); only later ones are observed again by Open().
  LogPosition checkpoint = 0;
  /// Asks the owner to make a checkpoint soon and to call SetCheckpoint(), as only that keeps log
  /// files from being dropped. Called from the sealing thread and from Flush(), without locks that
  /// SetCheckpoint() takes; it must not wait for an Append(), which may be waiting for sealing. May
  /// be null.
  std::function<void()> want_checkpoint;

  /// False: no threads; RunDue() does the work. For tests under a virtual clock.
  bool background = true;
  /// False: segments stay as they were cut. For tests of many segments.
  bool merge = true;
  /// For tests of a full disk: as LiveLogOptions has them, and `seal_hook` before each segment
  /// write.
  std::function<size_t(size_t)> log_write_hook;
  std::function<int()> log_sync_hook;
  std::function<Status()> seal_hook;
  /// Between the reading of what is merged and the writing.
  std::function<Status()> merge_hook;
};

/// A batch in the order of the log.
struct LoggedBatch {
  LogPosition position = 0;
  Nanos received = 0;
  std::string_view tenant;
  const SpanBatch& spans;
};
using BatchObserver = std::function<void(const LoggedBatch&)>;

/// Thread-safe.
class SpanStore final : public traceql::SpanSource {
 public:
  /// Opens and recovers. `replay`, which may be null, gets every record of the live log above the
  /// checkpoint, in order. `clock` and `telemetry` must outlive the store.
  static Result<std::unique_ptr<SpanStore>> Open(SpanStoreOptions options, const Clock& clock,
                                                 Telemetry& telemetry, const BatchObserver& replay);
  /// Stops the threads. What is not sealed is in the log.
  ~SpanStore() override;
  SpanStore(const SpanStore&) = delete;
  SpanStore& operator=(const SpanStore&) = delete;

  struct AppendRequest {
    std::string_view tenant;
    Hash128Value body_hash;  ///< Of the request's body, as it came.
    std::shared_ptr<const SpanBatch> spans;
  };
  struct AppendResult {
    LogPosition position = 0;
    bool duplicate = false;  ///< Seen within ten minutes: neither stored nor observed again.
    /// Spans that were refused because their trace is too large; the others were taken.
    uint64_t refused = 0;
    std::string refusal;  ///< Why; empty if none was.
  };
  /// Logs the batch, makes it searchable and calls `observe`, as one step: batches are observed in
  /// the order of their positions, one at a time. Returns OK once it is as durable as `sync` says.
  /// `observe` must not call the store. A batch without rows is acknowledged and nothing else.
  ///
  /// Errors: kUnavailable (the disk refuses), kResourceExhausted (sealing cannot keep up). After
  /// an error of the write nothing was stored or observed; after one of the sync it was, and a
  /// repeat of the request waits for the sync again.
  Result<AppendResult> Append(const AppendRequest& request, const BatchObserver& observe);

  /// Observed up to and including `position` in a checkpoint that survives: log files before it may
  /// go. Positions never go back. UINT64_MAX: nobody observes.
  void SetCheckpoint(LogPosition position);

  /// Replaces all limits. They hold for what comes and what is removed from now on.
  void SetLimits(SpanLimits limits);

  /// The position of the last batch that was appended and observed.
  LogPosition last_position() const { return applied_.load(); }

  /// Seals everything received before the call, drops the log as far as the checkpoint allows, and
  /// waits until no merge and no compaction is due.
  Status Flush();

  /// Deletes what was received before the call and returns how many spans that were; 0 if nothing
  /// was there. They are gone from every later view, also after a crash; counters and series do not
  /// change. After an error nothing was deleted: kUnavailable (the disk refuses),
  /// kFailedPrecondition (in a volume that is damaged and takes no writes).
  Result<uint64_t> Delete(std::string_view tenant, std::span<const TraceDeletion> what);

  /// Takes an attribute away from what was received before the call: from all of the tenant's
  /// spans, or from those of `only`. OK once that survives a crash; later views do not have it. It
  /// leaves the disk as segments are written anew and views of before are gone, and the log when
  /// the log may be dropped. Counters and series do not change. Errors: kInvalidArgument (no key),
  /// kUnavailable (the disk refuses): it does not hold then, but may after a restart.
  Status Redact(std::string_view tenant, Redaction what, std::span<const TraceDeletion> only);

  /// Makes `directory`, which must not exist (kAlreadyExists), and copies there what was
  /// acknowledged before the call, to be opened as a store of its own. Appends and views go on;
  /// sealing waits. Sealed data is linked, where the file system can, and costs no room. After an
  /// error the directory is there and to be thrown away.
  Status Snapshot(const std::string& directory);

  /// A pinned trace outlives its retention and the size cap; it need not be there yet. OK once the
  /// pin survives a crash. An unpinned trace goes when its time comes. kResourceExhausted: too many
  /// are pinned (Pins::kMaxPins), or they would take more than a quarter of `max_bytes`. Pinned
  /// traces that outgrow that quarter later are no longer kept when room is wanted.
  Status Pin(std::string_view tenant, const TraceId& id);
  Status Unpin(std::string_view tenant, const TraceId& id);
  std::vector<TraceId> Pinned(std::string_view tenant) const;  ///< Ascending.

  /// Does what is due: idle traces, blocks, pressure, retention, the log. A thread calls it when
  /// options.background is set. The first error is returned after everything was tried.
  Status RunDue();

  /// Merges small segments, puts closed volumes in order and removes what was replaced. A thread
  /// of its own does it when options.background is set; RunDue() does otherwise.
  Status MaintainVolumes();

  /// The view must not outlive the Telemetry given to Open(); it may outlive the store.
  std::shared_ptr<const traceql::SpanView> View(std::string_view tenant, uint64_t from,
                                                uint64_t to) const override;

  struct Stats {
    size_t live_traces = 0;
    size_t live_bytes = 0;   ///< Memory of all unsealed rows.
    size_t cache_bytes = 0;  ///< Memory of columns and footers that are kept decoded.
    size_t recent_requests = 0;
    uint64_t open_block_wire_bytes = 0;
    size_t segments = 0;
    size_t volumes = 0;
    uint64_t log_bytes = 0;
    uint64_t disk_bytes = 0;  ///< Log and volumes, as last measured.
  };
  Stats GetStats() const;

 private:
  struct Tenant {
    explicit Tenant(const LiveTraces::BlockLimits& limits) : live(limits) {}
    LiveTraces live;
    std::shared_ptr<const SegmentSet> segments;  // Null: none.
  };
  // A cut block on its way to disk. There is one at a time: segments are written in the order in
  // which their blocks were cut, so that of every trace a prefix of the log is sealed.
  struct Sealing {
    std::string tenant;
    CutBlock block;
    std::vector<SealedSegment> segments;
    uint64_t bytes = 0;
  };
  // Of each tenant and trace, the position up to which its rows are in segments.
  using SealedPositions =
      std::map<std::string, std::unordered_map<TraceId, LogPosition, TraceIdHash>, std::less<>>;

  SpanStore(SpanStoreOptions options, const Clock& clock, Telemetry& telemetry);

  // recovery.cc
  Status Recover(const BatchObserver& replay);
  void CompleteIndex(const std::map<std::string, SegmentList>& by_tenant) const;
  SealedPositions LoadSealedPositions(const SegmentList& segments, LogPosition first) const;
  void ReplayRecord(const LogRecord& record, const SealedPositions& sealed,
                    const BatchObserver& replay);

  // span_store.cc
  Result<LiveLog::Appended> AppendLocked(const LiveLog::Entry& entry, const AppendRequest& request,
                                         const BatchObserver& observe);
  void InsertLive(const LogRecord& record, std::shared_ptr<const SpanBatch> spans,
                  const std::vector<bool>& sealed);
  Status WaitForRoom();
  bool OverBound(uint64_t eighths) const;
  Tenant& TenantLocked(std::string_view name);

  // trace_bound.cc
  std::shared_ptr<const SpanLimits> Limits() const;
  void Bound(std::string_view tenant, std::shared_ptr<const SpanBatch>* spans,
             AppendResult* result);
  void CountSealed(std::string_view tenant,
                   const std::map<const StoredSegment*, std::vector<TraceId>>& sealed) const;

  // merging.cc
  SegmentList PlanMerge(const SegmentList& segments, const StoredVolume* closing) const;
  Result<bool> MergeOnce(const StoredVolume* closing);
  Result<bool> Replace(const std::string& tenant, const SegmentList& chosen,
                       const std::vector<TraceId>* only);
  static Result<std::vector<SealedSegment>> Rebuild(const std::string& tenant,
                                                    const SegmentList& segments,
                                                    const std::vector<TraceId>* only);
  void MarkDamagedOf(const SegmentList& segments) const;
  static TraceIdList SplitOf(const SegmentList& segments);
  TraceIdList StillSplit(const std::string& tenant, const SegmentSet& known,
                         const SegmentList& chosen, const TraceIdList& ids) const;
  void PublishReplaced(const std::string& tenant, const SegmentList& chosen,
                       const SegmentList& stored, const TraceIdList& known_split);
  Status RemoveReplaced();
  Status StoreIndexes();
  void PauseAfter(std::chrono::steady_clock::duration worked);
  std::shared_ptr<StoredVolume> NextToCompact();
  void FinishVolume(const std::shared_ptr<StoredVolume>& volume);
  void MaintainInBackground();

  // deletions.cc
  using WantedSpans = std::map<TraceId, std::unordered_set<SpanId>>;  // No ids: every span.
  using WantedVisitor = std::function<Status(const StoredSegment& segment,
                                             const SegmentReader& reader, const WantedSpans&)>;
  static WantedSpans Wanted(std::span<const TraceDeletion> what);
  Status ForEachWanted(const SegmentSet& segments, const WantedSpans& wanted,
                       const WantedVisitor& visit) const;
  static Result<uint64_t> SetWanted(const SegmentReader& reader, const WantedSpans& wanted,
                                    traceql::Bitmap* rows);
  Result<std::shared_ptr<const SegmentSet>> SealForDeletion(std::string_view tenant,
                                                            const WantedSpans* wanted);
  void FinishDeletions(const SegmentList& segments) const;
  static Status FinishDeletion(std::string_view record,
                               const std::unordered_map<uint64_t, const StoredSegment*>& by_number);
  static Status FinishDeletion(const SegmentDeletion& deletion, const StoredSegment& segment);

  // redacting.cc
  Status RewriteRedacted();
  Status ForgetRedactions();
  Status EraseReplaced();

  // pinning.cc
  uint64_t MaxPinnedBytes() const;
  Result<Pins::Sizes> StoredBytes(const std::string& tenant, const std::vector<TraceId>& ids) const;
  Status MeasurePins(bool again);
  bool PinsFit(const StoredVolume& volume);

  // retention.cc; all under seal_mutex_.
  Nanos RetentionOf(std::string_view tenant) const;
  static bool Expired(const StoredSegment& segment, Nanos retention, Nanos now);
  void CarryForward(std::vector<std::shared_ptr<StoredVolume>> volumes, Nanos now);
  Status CarryOut(const StoredVolume& volume, Nanos now);
  Status Copy(const std::string& tenant, const std::shared_ptr<const StoredSegment>& segment,
              const std::vector<TraceId>* only, Nanos now);
  Status ExpireTenants(Nanos now);
  bool OnlyHas(const StoredSegment& segment, const std::vector<TraceId>& ids) const;

  // split_traces.cc
  void ResolveLive(std::string_view tenant) const;
  void MarkResolvedLocked(Tenant& tenant, const std::vector<TraceId>& ids) const;
  Status MarkSplit(const SegmentSet* known, std::vector<SealedSegment>* segments) const;
  Status SaveSplits(const std::vector<const StoredSegment*>& segments) const;
  static void MarkStillLive(const std::vector<SealedSegment>& sealed, const SegmentList& stored,
                            LiveTraces* live);

  // sealing.cc; all under seal_mutex_.
  Status SealAndRetain();
  Status SealDue(Nanos now);
  Status SealTenantDue(const std::string& name, Nanos now);
  Status RelieveMemory(Nanos now);
  Status RelieveLog(Nanos now);
  Status SealUpTo(const std::string& name, LogPosition position, Nanos now);
  void CountCut(std::string_view reason);
  Status CutAndSeal(const std::string& name, Nanos now);
  Status FinishSealing(Nanos now);
  std::shared_ptr<const SegmentSet> SegmentsOf(const std::string& tenant) const;
  std::shared_ptr<const SegmentSet> Changed(const std::string& tenant, const SegmentList& removed,
                                            const SegmentList& added) const;
  void Publish(const std::vector<std::shared_ptr<const StoredSegment>>& stored);
  /// Lets appends that wait for room look again.
  void TellOfRoom();
  void Forget(const std::vector<std::shared_ptr<StoredVolume>>& volumes);
  void Retain(Nanos now, uint64_t wanted_bytes);
  Status LoadPins();
  bool LogHas(LogPosition position);
  bool LogHas(const StoredVolume& volume);
  void ForgetIdleTenants();
  Status DropLog(Nanos now, bool roll);
  LogPosition LowWater() const;
  std::vector<std::string> TenantNames() const;
  void StartCompactions();
  void SealInBackground();
  void Wake();
  void UpdateGauges();

  const SpanStoreOptions options_;
  const StoreSizes sizes_;
  const Clock& clock_;
  Telemetry& telemetry_;
  Counter& log_cpu_;
  Counter& seal_cpu_;
  Counter& damaged_segments_;
  Counter& damaged_shortcuts_;
  Counter& damaged_records_;
  Counter& damaged_files_;
  Counter& duplicates_;
  Counter& merges_;
  Counter& deleted_rows_;
  const std::shared_ptr<ColumnCache> cache_;
  std::unique_ptr<LiveLog> log_;
  mutable std::mutex limits_mutex_;  // Held alone.
  std::shared_ptr<const SpanLimits> limits_;

  // Lock order: append_mutex_ or seal_mutex_, then resolve_mutex_, then mutex_. The others are held
  // alone.
  std::mutex append_mutex_;           // Orders log, live rows and observers.
  mutable std::mutex mutex_;          // Guards tenants_; held shortly, never during I/O.
  mutable std::mutex resolve_mutex_;  // Held while live traces are looked up in segments.
  std::map<std::string, std::unique_ptr<Tenant>, std::less<>> tenants_;
  std::atomic<LogPosition> applied_{0};
  std::atomic<LogPosition> checkpoint_{0};
  std::atomic<LogPosition> forget_through_{0};  // What the log is to drop as soon as it can.
  std::atomic<size_t> live_bytes_{0};
  std::atomic<uint64_t> disk_bytes_{0};
  std::atomic<size_t> volume_count_{0};

  std::mutex seal_mutex_;  // One sealer at a time; guards what follows.
  std::unique_ptr<VolumeSet> volumes_;
  std::optional<Sealing> sealing_;
  Nanos retry_at_ = 0;  // Not before, after a failed write.
  Nanos retry_delay_ = 0;
  std::atomic<bool> seal_failing_{false};
  // Segments that others have replaced, until no view reads them any more.
  struct Replacement {
    std::shared_ptr<StoredVolume> volume;
    Merged merged;
    std::vector<std::weak_ptr<const StoredSegment>> held;
  };
  std::vector<Replacement> replaced_;
  // Removed volumes of which something is still to be copied.
  std::vector<std::shared_ptr<StoredVolume>> unsaved_;

  Pins pins_;
  Redactions redactions_;

  std::mutex maintain_mutex_;  // One thread maintains volumes; before seal_mutex_.
  // Volumes with values on disk that are to be forgotten.
  std::set<std::shared_ptr<StoredVolume>> to_erase_;
  std::mutex compaction_mutex_;
  std::condition_variable compaction_changed_;
  std::deque<std::shared_ptr<StoredVolume>> to_compact_;
  uint64_t flushes_asked_ = 0;   // Calls of Flush() that want all that is due to be done,
  uint64_t flushes_served_ = 0;  // and how many of them have it.

  std::mutex wake_mutex_;
  std::condition_variable wake_;       // The sealing thread waits for work.
  std::condition_variable have_room_;  // Append() waits for room.
  bool woken_ = false;
  bool stopping_ = false;  // Also read under compaction_mutex_: set under both.
  std::thread seal_thread_;
  std::thread compaction_thread_;
};

}  // namespace tocsin::storage
