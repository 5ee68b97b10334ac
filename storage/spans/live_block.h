/// Rows that are not sealed yet, seen as a traceql::SpanBlock: some rows of some batches, put end
/// to end. Nothing is copied until a column is asked for.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "cpp/model/span_batch_builder.h"
#include "cpp/traceql/source.h"
#include "storage/spans/hidden_rows.h"

namespace tocsin::storage {

/// Some rows of one batch.
struct LivePart {
  std::shared_ptr<const SpanBatch> batch;
  std::vector<uint32_t> rows;  ///< Ascending; unless `whole`.
  bool whole = true;           ///< Every row.

  uint32_t size() const {
    return whole ? static_cast<uint32_t>(batch->rows()) : static_cast<uint32_t>(rows.size());
  }
  uint32_t RowAt(uint32_t i) const { return whole ? i : rows[i]; }
};

/// Immutable once it is shared.
struct LiveParts {
  std::vector<LivePart> parts;  ///< None is empty.
  uint32_t rows = 0;
  uint64_t min_start = UINT64_MAX;
  uint64_t max_end = 0;  ///< A row that ends before its start counts as ending there.

  void Add(LivePart part);
};

/// Thread-safe. What it computes, it keeps as long as it lives: make one for each query.
class LiveBlock final : public traceql::SpanBlock {
 public:
  using Groups = std::vector<std::shared_ptr<const LiveParts>>;
  using TraceIdSet = std::unordered_set<TraceId, TraceIdHash>;

  /// The rows of all groups. `split`: the traces that have rows elsewhere; null: none.
  explicit LiveBlock(Groups groups, std::shared_ptr<const TraceIdSet> split = nullptr);
  explicit LiveBlock(std::shared_ptr<const LiveParts> parts)
      : LiveBlock(Groups{std::move(parts)}) {}

  /// Appends the rows of the trace, in the order in which they were received. False if none.
  bool AppendTrace(const TraceId& id, SpanBatchBuilder* to) const;

  uint32_t rows() const override { return rows_; }
  uint64_t min_start() const override { return min_start_; }
  uint64_t max_end() const override { return max_end_; }
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

 private:
  struct TraceRows {
    std::vector<TraceId> traces;
    std::vector<uint32_t> of_row;
  };
  const TraceRows& TracesLocked() const;
  template <class T>
  Result<std::span<const T>> Gather(std::optional<std::vector<T>>* kept,
                                    std::vector<T> SpanBatch::* column) const;

  Result<RowKeys> Keys() const;

  const Groups groups_;
  const std::shared_ptr<const TraceIdSet> split_;
  uint32_t rows_ = 0;
  uint64_t min_start_ = UINT64_MAX;
  uint64_t max_end_ = 0;

  mutable std::mutex mutex_;  // Guards what is computed lazily; values are set once.
  mutable std::optional<TraceRows> traces_;
  mutable std::optional<std::vector<SpanId>> span_ids_;
  mutable std::optional<std::vector<SpanId>> parent_span_ids_;
  mutable std::optional<std::vector<uint64_t>> starts_;
  mutable std::optional<std::vector<uint64_t>> ends_;
  mutable std::optional<std::vector<SpanKind>> kinds_;
  mutable std::optional<std::vector<SpanStatus>> statuses_;
  mutable std::optional<std::shared_ptr<const traceql::Bitmap>> hidden_;
  mutable std::optional<std::vector<uint8_t>> whole_;
  mutable std::optional<std::vector<uint32_t>> parent_rows_;
};

}  // namespace tocsin::storage
