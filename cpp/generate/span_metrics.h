/// Span metrics: what the spans of each (service, span name, kind, status) add up to, as Prometheus
/// series with the names and labels of Tempo's span-metrics processor.
///
///     traces_spanmetrics_calls_total          spans
///     traces_spanmetrics_size_total           bytes of their protobuf messages
///     traces_spanmetrics_latency_bucket{le}   spans of at most `le` milliseconds
///     traces_spanmetrics_latency_sum          milliseconds
///     traces_spanmetrics_latency_count        spans
///
/// with the labels `service` and `service_name` (the same value; absent where the resource has no
/// service.name), `span_name`, `span_kind` and `status_code`, and those of the dimensions.
///
/// Everything is counted in integers, so that the counters are exact: a process that crashes,
/// restores the last checkpoint and replays the live log behind it has the counters of one that
/// never crashed. A negative duration counts as 0.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/generate/dimensions.h"
#include "cpp/generate/entity_table.h"
#include "cpp/model/ports.h"
#include "cpp/model/span_batch.h"

namespace tocsin::generate {

struct SpanMetricsOptions {
  /// Upper bounds in milliseconds: positive, finite, ascending, at most 256. +Inf is implied.
  std::vector<double> histogram_buckets = {2,   4,   8,    16,   32,   64,   128,
                                           256, 512, 1024, 2048, 4096, 8192, 16384};
  /// How far before its first sample a new series is said to have been 0, when there was no
  /// collection shortly before.
  Nanos collection_interval = 15 * kSecond;
  /// Further labels. An entity of a checkpoint keeps those that it was counted with.
  std::vector<Dimension> dimensions;
  /// Bound on the series made; a (service, name, kind, status, dimensions) makes one for each
  /// bucket and five more. What does not fit is counted by the series labelled
  /// metric_overflow="true", so that sums stay exact. 0: no bound.
  uint64_t max_active_series = 300'000;
  /// The label of exemplars that holds the trace id, 32 hexadecimal digits.
  std::string trace_id_label_name = "traceID";
};

/// Thread-safe. Observe is the hot path: it waits for Collect and Checkpoint only while they copy
/// the counters.
class SpanMetrics {
 public:
  /// kInvalidArgument, naming the option, for buckets that are not as SpanMetricsOptions says.
  static Result<std::unique_ptr<SpanMetrics>> Create(SpanMetricsOptions options,
                                                     Telemetry& telemetry = Telemetry::None());

  /// Counts every span of the batch. `position` is where the batch ends in the live log; Checkpoint
  /// carries the last one seen.
  void Observe(const SpanBatch& batch, uint64_t position = 0) {
    Count(batch, position, Birth::kLive);
  }

  /// Observe for batches read back from the live log at start. The counters are the same; a series
  /// that first appears here may have been collected before the crash, and is not said to have been
  /// 0 at a time when it was not.
  void Replay(const SpanBatch& batch, uint64_t position = 0) {
    Count(batch, position, Birth::kReplayed);
  }

  /// Writes the value of every counter as of `now`, and the exemplars since the last collection:
  /// for each histogram bucket the span that ended last, at its own end. A new series is said to be
  /// 0 one collection earlier, so that rate() and increase() see its first spans.
  ///
  /// On an error of the sink nothing is lost: the next collection writes the values of its own time
  /// and all exemplars that are still to be sent. Writes nothing when `now` is not after the last
  /// collection, also that of a former process: timestamps never go back.
  Status Collect(Nanos now, SampleSink& sink);

  /// The whole state, exemplars still to be sent included: versioned and checksummed.
  std::string Checkpoint() const;

  /// Puts a checkpoint in place of the present state. kCorruption for anything that Checkpoint()
  /// could not have written; the state is then what it was. With other histogram buckets than those
  /// of the checkpoint the latency histograms start at 0 and all else is kept.
  Status Restore(std::string_view checkpoint);

  /// The `position` of the last batch counted, or that of the checkpoint.
  uint64_t position() const;

 private:
  /// When the series of an entity came to be; it says where their 0 goes.
  using Birth = EntityTable::Birth;

  /// The samples of one collection.
  struct Gathered {
    std::vector<RefSample> samples;
    std::vector<RefExemplar> exemplars;
  };

  /// A slot of the cache from the ids of a batch to an entity.
  struct CacheSlot {
    uint64_t batch = 0;  ///< Number of the batch it is of; 0 is none.
    StringId service = 0;
    StringId name = 0;
    uint16_t kind_and_status = 0;
    uint32_t entity = 0;
  };

  SpanMetrics(SpanMetricsOptions options, Telemetry& telemetry);

  void Count(const SpanBatch& batch, uint64_t position, Birth birth);
  /// `dimensions`: of the row, packed.
  uint32_t EntityOf(const SpanBatch& batch, uint32_t row, std::string_view dimensions, Birth birth);
  uint32_t CachedEntityOf(const SpanBatch& batch, uint32_t row, Birth birth);
  void FindServices(const SpanBatch& batch);

  /// Makes the refs of entities that have none yet. REQUIRES: collect_mutex_ is held.
  void MakeRefs(const EntityTable::Snapshot& snapshot, SampleSink& sink);
  Gathered Gather(const EntityTable::Snapshot& snapshot, Millis t) const;
  void GatherExemplars(const EntityTable::Snapshot& snapshot, Millis t, Gathered* out) const;
  /// Where the 0 of a new entity goes; a time at or after `t` is none.
  Millis ZeroTime(Birth birth, Millis t) const;

  const SpanMetricsOptions options_;
  const uint32_t bucket_count_;  ///< With +Inf.
  Counter& spans_received_;
  Gauge& active_series_;
  Counter& spans_limited_;

  /// Guards refs_ and orders collections. Taken before mutex_.
  std::mutex collect_mutex_;
  SampleSink* refs_of_ = nullptr;  ///< The sink that refs_ are of.
  std::vector<SeriesRef> refs_;    ///< series_per_entity() for each entity, in its order.

  mutable std::mutex mutex_;
  EntityTable table_;
  uint32_t overflow_ = EntityTable::kNone;  ///< The entity of the metric_overflow series.
  Millis last_collect_ = 0;                 ///< 0: never.
  uint64_t position_ = 0;
  uint64_t limited_ = 0;  ///< Spans counted by the overflow series since the last collection.
  // The batch at hand.
  DimensionReader dimensions_;
  uint64_t batch_number_ = 0;
  std::vector<StringId> service_of_scope_;
  std::vector<CacheSlot> cache_;
};

}  // namespace tocsin::generate
