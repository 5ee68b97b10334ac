/// A sealed segment as a traceql::SpanBlock that reads nothing before it is asked for a column: a
/// view over a month of segments costs no I/O for those that the executor never touches.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/traceql/source.h"
#include "storage/columnar/column_cache.h"
#include "storage/spans/segment.h"
#include "storage/spans/volume_set.h"

namespace tocsin::storage {

/// What is found damaged, counted.
struct DamageCounters {
  Counter& segments;
  Counter& shortcuts;  ///< Value filters and counts: what only makes queries faster.
};

/// Thread-safe. A segment whose bytes turn out to be damaged is put aside (StoredSegment) and the
/// accessor returns kCorruption; the next view does not have it. Of a damaged value filter, and of
/// damaged counts, nothing is known but that: the rows are read.
class StoredBlock final : public traceql::SpanBlock {
 public:
  StoredBlock(std::shared_ptr<const StoredSegment> segment, std::shared_ptr<ColumnCache> cache,
              const DamageCounters& damaged)
      : segment_(std::move(segment)), cache_(std::move(cache)), damaged_(damaged) {}

  /// Appends the rows of the trace, in the segment's order. False if there are none. After an error
  /// what was appended is unspecified.
  Result<bool> AppendTrace(const TraceId& id, SpanBatchBuilder* to) const;

  uint32_t rows() const override { return segment_->stub().rows; }
  uint64_t min_start() const override { return segment_->stub().min_start; }
  uint64_t max_end() const override { return segment_->stub().max_end; }
  Result<std::span<const TraceId>> Traces() const override;
  Result<std::span<const uint32_t>> TraceOfRow() const override;
  Result<std::span<const SpanId>> SpanIds() const override;
  Result<std::span<const SpanId>> ParentSpanIds() const override;
  Result<std::span<const uint64_t>> Starts() const override;
  Result<std::span<const uint64_t>> Ends() const override;
  Result<std::span<const SpanKind>> Kinds() const override;
  Result<std::span<const SpanStatus>> Statuses() const override;
  Result<std::shared_ptr<const traceql::Column>> Names() const override;
  Result<std::shared_ptr<const traceql::Column>> StatusMessages() const override;
  Result<std::shared_ptr<const traceql::Column>> EventNames() const override;
  Result<std::shared_ptr<const traceql::Column>> EventTimes() const override;
  Result<std::shared_ptr<const traceql::Column>> LinkTraceIds() const override;
  Result<std::shared_ptr<const traceql::Column>> LinkSpanIds() const override;
  Result<std::shared_ptr<const traceql::Column>> ScopeNames() const override;
  Result<std::shared_ptr<const traceql::Column>> ScopeVersions() const override;
  Result<std::shared_ptr<const traceql::Column>> Attribute(AttrScope scope,
                                                           std::string_view key) const override;
  Result<std::vector<traceql::AttributeKey>> AttributeKeys() const override;
  Result<std::shared_ptr<const traceql::Bitmap>> Hidden() const override;
  Result<std::span<const uint8_t>> Whole() const override;
  Result<std::span<const uint32_t>> ParentRows() const override;
  Result<std::shared_ptr<const traceql::CountedRows>> Counted(bool with_durations) const override;
  /// True too for a segment whose footer cannot be read: its columns will say so.
  bool MayMatch(const traceql::Field& field, traceql::Op op,
                const traceql::Literal& literal) const override;
  void Release() const override;

 private:
  /// Asks the reader, which is opened at the first call.
  template <class T, class Ask>
  Result<T> Read(const Ask& ask) const;

  const std::shared_ptr<const StoredSegment> segment_;
  const std::shared_ptr<ColumnCache> cache_;
  const DamageCounters damaged_;
  mutable std::mutex mutex_;
  // Set once until Release(), as all that follows.
  mutable std::shared_ptr<const SegmentReader> reader_;
  mutable std::optional<std::shared_ptr<const traceql::Bitmap>> hidden_;
  mutable std::optional<std::vector<uint8_t>> whole_;
  mutable std::optional<std::vector<uint32_t>> parent_rows_;
};

}  // namespace tocsin::storage
