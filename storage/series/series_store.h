/// The series store: samples and exemplars of all metrics, from the append to the retention.
///
/// An Append is first a record of the sample log, then part of the head in memory. The head's
/// samples move to blocks of two hours, which are LevelDB values (block_store.h). Now and then the
/// head is written as a snapshot, and the log before it is dropped: a restart loads the snapshot,
/// replays the log behind it, and answers as before.
///
///     <directory>/log/00000012.log      sample log
///     <directory>/head.snapshot         the head before the log
///     <directory>/metadata              what metric families are
///     <directory>/blocks/...            one directory for each volume
///
/// Nothing here has a thread of its own: call Sync() as often as the log's policy says, and
/// Maintain() every few seconds.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/ports.h"
#include "cpp/promql/series_admin.h"
#include "cpp/promql/source.h"
#include "storage/series/block_store.h"
#include "storage/series/exemplar_ring.h"
#include "storage/series/head.h"
#include "storage/series/label_index.h"
#include "storage/series/paged_table.h"
#include "storage/series/sample_log.h"
#include "storage/series/snapshot.h"

namespace tocsin::storage {

struct SeriesStoreOptions {
  std::string directory;  ///< Made if absent. The caller sees to it that nobody else uses it.
  /// Samples are kept at least this long, and about a day longer; 0: for ever.
  Nanos retention = 15 * kDay;
  /// When everything together takes more, the oldest volumes go; 0: no bound. The head, its log
  /// and its snapshot are never dropped.
  uint64_t max_bytes = 0;
  /// An Append returns after its samples are safe from a loss of power; otherwise Sync() does it.
  bool sync_always = false;
  /// A sample that is not newer than the last of its series, or belongs to a block that is written,
  /// is taken if it is no older than this before the newest sample of all; 0: it is refused.
  Nanos out_of_order_window = 0;
  /// Series at a time. The samples of further ones are dropped and counted.
  size_t max_series = 1'000'000;
  /// Exemplars kept, of all series together; the oldest go.
  size_t max_exemplars = 100'000;
  /// Bounds on the log that is kept for readers which have not released it.
  Nanos log_keep = 2 * kHour;
  uint64_t log_keep_bytes = uint64_t{512} << 20;
  const Clock* clock = &Clock::Real();
  Telemetry* telemetry = &Telemetry::None();
};

/// Since the store was opened, unless said otherwise.
struct SeriesStoreStats {
  uint64_t samples_appended = 0;  ///< Histograms included.
  uint64_t samples_late = 0;      ///< Of those: that came out of order, within the window.
  uint64_t samples_repeated = 0;
  uint64_t samples_duplicate = 0;      ///< At the time of another sample with another value.
  uint64_t samples_out_of_order = 0;   ///< Not newer than the last of their series.
  uint64_t samples_out_of_bounds = 0;  ///< Before the newest block's end, or far in the future.
  uint64_t samples_limited = 0;        ///< Of series beyond max_series.
  uint64_t exemplars_appended = 0;
  uint64_t exemplars_dropped = 0;  ///< Out of order, or too large. Duplicates are not counted.
  uint64_t damaged = 0;            ///< Log segments, snapshots, volumes and blocks found damaged.
  // As it is now.
  size_t series = 0;  ///< With a sample in the head or a block.
  size_t head_samples = 0;
  size_t head_chunk_bytes = 0;
  size_t blocks = 0;
  size_t tombstones = 0;
};

using promql::ExemplarSeries;

/// Thread-safe. Queries do not wait for appends, flushes or snapshots longer than it takes to note
/// which chunks they read, and see each Append as a whole.
class SeriesStore final : public SampleSink,
                          public LabelSource,
                          public MetadataSource,
                          public promql::SeriesSource,
                          public promql::SeriesCatalog,
                          public promql::SeriesAdmin {
 public:
  /// Samples later than the clock by more than this are refused: one of them would push the head's
  /// oldest samples out.
  static constexpr Nanos kMaxAhead = 10 * kMinute;
  /// Families whose metadata is kept; the words about further ones are dropped.
  static constexpr size_t kMaxMetadata = 100'000;

  /// Recovers what is there. kUnavailable, kCorruption, or kAlreadyExists if a volume is in use.
  static Result<std::unique_ptr<SeriesStore>> Open(SeriesStoreOptions options);
  ~SeriesStore() override;

  /// SampleSink. Beyond max_series the answer is a ref whose samples are dropped and counted.
  SeriesRef Ref(const Labels& labels) override;
  /// SampleSink. kInvalidArgument for a ref that Ref() never gave and for a histogram that
  /// ValidateHistogram refuses. kUnavailable when the disk takes no more; nothing is then applied,
  /// and a later Append may succeed.
  Result<AppendOutcome> Append(const SampleBatch& batch) override;
  /// SampleSink. On disk after the next Maintain().
  void SetMetadata(std::span<const MetricMetadata> metadata) override;

  /// MetadataSource.
  std::optional<MetricMetadata> MetadataOf(std::string_view family) const override;
  std::vector<MetricMetadata> AllMetadata() const override;

  /// LabelSource.
  Labels LabelsOf(SeriesRef series) const override;

  /// promql::SeriesSource.
  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override;
  Status Scan(const promql::SeriesRequest& request, const Scanner& scanner) const override;

  /// promql::SeriesCatalog.
  std::vector<ExemplarSeries> QueryExemplars(std::span<const promql::Matcher> matchers, Millis from,
                                             Millis to) const override;
  std::vector<Labels> MatchSeries(std::span<const promql::Matcher> matchers, Millis from, Millis to,
                                  size_t limit) const override;
  std::vector<std::string> LabelNames(std::span<const promql::Matcher> matchers, Millis from,
                                      Millis to) const override;
  std::vector<std::string> LabelValues(std::string_view name,
                                       std::span<const promql::Matcher> matchers, Millis from,
                                       Millis to) const override;

  /// promql::SeriesAdmin.
  promql::HeadStatistics HeadStats(size_t top) const override;
  std::vector<promql::BlockStatistics> Blocks() const override;
  promql::ReplayProgress Replay() const override;
  Status DeleteSeries(std::span<const promql::Matcher> matchers, Millis from, Millis to) override;
  Status CleanTombstones() override;
  Result<std::string> Snapshot(bool skip_head) override;
  /// The same into `directory`, which is made: kAlreadyExists if it is there.
  Status SnapshotTo(const std::string& directory, bool skip_head = false);

  /// `listener` must live until it is removed; Remove returns after its last call.
  void AddListener(SampleListener* listener);
  void RemoveListener(SampleListener* listener);

  /// Reads back what is appended: from `from` on, or without it from now on. Must not outlive the
  /// store. Open the readers of persisted positions before the first Maintain().
  std::unique_ptr<SampleReader> OpenReader(const std::optional<tocsin::LogPosition>& from);

  /// Makes everything appended survive the loss of power.
  Status Sync();
  /// Writes the blocks that are due, shortens the log, removes what has expired. Cheap when nothing
  /// is due. On an error (a full disk) everything goes on and the next call tries again.
  Status Maintain();
  /// Maintain, and the whole head in a snapshot: the log is as short as it can be.
  Status Flush();

  /// Bytes of all files.
  uint64_t DiskBytes() const;
  SeriesStoreStats Stats() const;

 private:
  struct Series {
    HeadSeries head;
    Millis last_t = INT64_MIN;  ///< Of its newest sample since the start, or in the head.
    // Of Judge, with append_mutex_ held: the newest sample judged in the append of that number.
    Millis judged_t = 0;
    uint64_t judged_in = 0;
    const RefSample* judged_float = nullptr;
    const RefHistogram* judged_histogram = nullptr;
  };
  using Tombstones = std::vector<Tombstone>;
  struct Judged;
  struct Plan;
  struct Metrics;
  class Judge;
  class PlanReader;

  explicit SeriesStore(SeriesStoreOptions options);

  // Recovery: series_store.cc.
  Status Recover();
  Status OpenBlocks();
  Status LoadSnapshot(uint64_t* log_segment);
  Status LoadSeries(SnapshotSeries&& found);
  void ReplayRecord(const SampleLogRecord& record);
  void ReplayPoint(SeriesId id, const Point& point, Millis min_time);
  void Define(SeriesId id, const Labels& labels);

  // Appends: series_append.cc.
  void Apply(const Judged& judged);
  void ApplyPoint(SeriesId id, const Point& point, std::vector<SeriesId>* fresh);
  void Count(const Judged& judged);

  // Queries: series_query.cc.
  /// Calls `read` with the lock held for reading, and the index in order.
  template <class Read>
  auto Ordered(Read read) const;
  Plan MakePlan(const promql::SeriesRequest& request) const;
  /// Whether the series has a chunk in the head, or a block has it, that overlaps [from, to].
  bool MayHaveSamples(SeriesId id, Millis from, Millis to) const;

  // Maintenance: series_maintenance.cc.
  Status FlushDueBlocks();
  /// Writes the blocks of everything in the head before `end`.
  Status FlushBefore(Millis end);
  Status FlushBlock(Millis start);
  /// Before which time blocks are to be written, if they are.
  std::optional<Millis> DueBefore() const;
  Status WriteSnapshot();
  Status WriteMetadata();
  Status Expire();
  /// Unlists the series that left head and blocks.
  void CollectGarbage();
  void UpdateGauges();

  // Administration: series_admin.cc.
  Status CleanBlock(const std::shared_ptr<const SampleBlock>& block, const Tombstones& tombstones);
  Status RemoveReplaced();

  const SeriesStoreOptions options_;
  const std::unique_ptr<Metrics> metrics_;

  // Locks, in the order in which they are taken.
  std::mutex maintain_mutex_;        ///< One Maintain, Flush or administration at a time.
  std::mutex append_mutex_;          ///< One Append at a time; guards the log's writing side.
  mutable std::shared_mutex mutex_;  ///< Guards what follows below it.

  std::shared_ptr<SampleLog> log_;
  std::vector<SampleListener*> listeners_;  ///< Guarded by append_mutex_.
  uint64_t append_number_ = 0;              ///< Guarded by append_mutex_.
  uint64_t snapshot_segment_ = 0;           ///< Guarded by maintain_mutex_.
  bool head_changed_ = false;               ///< Since the last snapshot. Guarded by append_mutex_.
  /// Replaced blocks whose room is given back when nobody reads them. Guarded by maintain_mutex_.
  std::vector<std::shared_ptr<const SampleBlock>> replaced_;
  std::atomic<uint64_t> snapshot_bytes_{0};

  mutable LabelIndex index_;  ///< Mutable: the order is found when it is asked for.
  PagedTable<Series> series_;
  SeriesId next_id_ = 1;
  Millis min_time_ = INT64_MIN / 2;  ///< Samples before it belong to blocks that are written.
  Millis max_time_ = INT64_MIN;      ///< Of the newest sample in the head.
  uint64_t late_samples_ = 0;        ///< In the head, before min_time_.
  bool garbage_ = false;             ///< Some series may have lost their last sample.
  ExemplarRing exemplars_;
  std::map<std::string, MetricMetadata, std::less<>> metadata_;  ///< By family.
  bool metadata_changed_ = false;
  std::unique_ptr<BlockStore> blocks_;
  std::shared_ptr<const Tombstones> tombstones_ = std::make_shared<const Tombstones>();
  SeriesStoreStats stats_;
};

}  // namespace tocsin::storage
