/// The series store: samples and exemplars of all metrics, from the append to the retention.
///
/// An Append is first a record of the sample log, then part of the head in memory. The head's
/// samples move to blocks of two hours, which are LevelDB values (block_store.h). Now and then the
/// head is written as a snapshot, and the log before it is dropped: a restart loads the snapshot,
/// replays the log behind it, and answers as before.
///
///     <directory>/log/00000012.log      sample log
///     <directory>/head.snapshot         the head before the log
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
#include "cpp/promql/source.h"
#include "storage/series/block_store.h"
#include "storage/series/exemplar_ring.h"
#include "storage/series/head.h"
#include "storage/series/label_index.h"
#include "storage/series/sample_log.h"

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
  /// Series known at a time. The samples of further ones are dropped and counted.
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
  uint64_t samples_appended = 0;
  uint64_t samples_out_of_order = 0;   ///< Not newer than the last of their series.
  uint64_t samples_out_of_bounds = 0;  ///< Before the newest block's end, or far in the future.
  uint64_t samples_limited = 0;        ///< Of series beyond max_series.
  uint64_t exemplars_appended = 0;
  uint64_t exemplars_dropped = 0;  ///< Out of order, or too large. Duplicates are not counted.
  // As it is now.
  size_t series = 0;  ///< With a sample in the head or a block.
  size_t head_samples = 0;
  size_t head_chunk_bytes = 0;
  size_t blocks = 0;
};

struct ExemplarSeries {
  Labels labels;
  std::vector<Exemplar> exemplars;  ///< By ascending time.
};

/// Thread-safe. Queries do not wait for appends, flushes or snapshots longer than it takes to note
/// which chunks they read, and see each Append as a whole.
class SeriesStore final : public SampleSink,
                          public LabelSource,
                          public MetadataSource,
                          public promql::SeriesSource {
 public:
  /// Samples later than the clock by more than this are refused: one of them would push the head's
  /// oldest samples out.
  static constexpr Nanos kMaxAhead = 10 * kMinute;

  /// Recovers what is there. kUnavailable, kCorruption, or kAlreadyExists if a volume is in use.
  static Result<std::unique_ptr<SeriesStore>> Open(SeriesStoreOptions options);
  ~SeriesStore() override;

  /// SampleSink. Beyond max_series the answer is a ref whose samples are dropped and counted.
  SeriesRef Ref(const Labels& labels) override;
  /// SampleSink. kInvalidArgument for a ref that Ref() never gave. kUnavailable when the disk takes
  /// no more; nothing is then applied, and a later Append may succeed.
  Result<AppendOutcome> Append(const SampleBatch& batch) override;
  /// SampleSink.
  void SetMetadata(std::span<const MetricMetadata> metadata) override;

  /// MetadataSource.
  std::optional<MetricMetadata> MetadataOf(std::string_view family) const override;
  std::vector<MetricMetadata> AllMetadata() const override;

  /// LabelSource.
  Labels LabelsOf(SeriesRef series) const override;

  /// promql::SeriesSource.
  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override;
  Status Visit(std::span<const promql::Matcher> matchers, Millis from, Millis to,
               const Visitor& visitor) const override;

  /// The exemplars in [from, to] of the series that all matchers match, ordered by labels.
  std::vector<ExemplarSeries> QueryExemplars(std::span<const promql::Matcher> matchers, Millis from,
                                             Millis to) const;

  /// The label sets that match and have samples about [from, to] (chunks and blocks are looked at
  /// as wholes), ordered; their label names; the values of one of their labels. Sorted, distinct.
  std::vector<Labels> MatchSeries(std::span<const promql::Matcher> matchers, Millis from,
                                  Millis to) const;
  std::vector<std::string> LabelNames(std::span<const promql::Matcher> matchers, Millis from,
                                      Millis to) const;
  std::vector<std::string> LabelValues(std::string_view name,
                                       std::span<const promql::Matcher> matchers, Millis from,
                                       Millis to) const;

  /// `listener` must live until it is removed; Remove returns after its last call.
  void AddListener(SampleListener* listener);
  void RemoveListener(SampleListener* listener);

  /// Reads back what is appended: from `from` on, or without it from now on. Must not outlive the
  /// store. Open the readers of persisted positions before the first Maintain().
  std::unique_ptr<SampleReader> OpenReader(const std::optional<LogPosition>& from);

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
  };
  /// What an Append keeps of its arguments, and what it does not.
  struct Judged {
    std::vector<RefSample> samples;
    std::vector<RefExemplar> exemplars;
    SeriesStoreStats dropped;
  };
  /// What a query reads, noted under the lock.
  struct Plan {
    struct Item {
      SeriesId id = kNoSeries;
      Labels labels;
      size_t chunks_end = 0;  ///< Into `chunks`; an item's begin where those of the last end.
    };
    std::vector<Item> items;
    std::vector<ChunkRef> chunks;
    std::vector<std::shared_ptr<const SampleBlock>> blocks;  ///< Oldest first.
  };
  struct Metrics;

  explicit SeriesStore(SeriesStoreOptions options);

  Status Recover();
  Status LoadSnapshot(uint64_t* log_segment, std::vector<SeriesId>* listed);
  void Replay(SampleLogRecord&& record, std::vector<SeriesId>* listed);
  void Define(SeriesId id, const Labels& labels);
  Series& SeriesOf(SeriesId id);

  Result<Judged> Judge(std::span<const RefSample> samples, std::span<const RefExemplar> exemplars);
  void Apply(const Judged& judged);
  Plan MakePlan(std::span<const promql::Matcher> matchers, Millis from, Millis to) const;
  /// Whether the series has a chunk in the head, or a block has it, that overlaps [from, to].
  bool MayHaveSamples(SeriesId id, Millis from, Millis to) const;

  Status FlushDueBlocks();
  Status FlushBlock(Millis start);
  /// The start of the head's oldest block, if one is to be written.
  std::optional<Millis> DueBlock() const;
  Status WriteSnapshot();
  Status Expire();
  void UpdateGauges();

  const SeriesStoreOptions options_;
  const std::unique_ptr<Metrics> metrics_;

  // Locks, in the order in which they are taken.
  std::mutex maintain_mutex_;        ///< One Maintain or Flush at a time.
  std::mutex append_mutex_;          ///< One Append at a time; guards the log's writing side.
  mutable std::shared_mutex mutex_;  ///< Guards what follows below it.

  std::shared_ptr<SampleLog> log_;
  std::vector<SampleListener*> listeners_;  ///< Guarded by append_mutex_.
  uint64_t append_number_ = 0;              ///< Guarded by append_mutex_.
  uint64_t snapshot_segment_ = 0;           ///< Guarded by maintain_mutex_.
  bool head_changed_ = false;               ///< Since the last snapshot. Guarded by append_mutex_.
  std::atomic<uint64_t> snapshot_bytes_{0};

  LabelIndex index_;
  std::vector<Series> series_;  ///< By id.
  SeriesId next_id_ = 1;
  Millis min_time_ = INT64_MIN / 2;  ///< Samples before it belong to blocks that are written.
  Millis max_time_ = INT64_MIN;      ///< Of the newest sample in the head.
  ExemplarRing exemplars_;
  std::map<std::string, MetricMetadata, std::less<>> metadata_;  ///< By family.
  std::unique_ptr<BlockStore> blocks_;
  SeriesStoreStats stats_;
};

}  // namespace tocsin::storage
