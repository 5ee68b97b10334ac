/// A segment: at most 65,536 sealed spans of one tenant as columns, sorted by trace id and start.
///
/// BuildSegment turns rows of live batches into values that the store writes to a volume in one
/// atomic batch; SegmentReader reads them back, column by column and only those that are asked for.
/// A segment is never changed; deletion bitmaps and split marks live beside it under keys of their
/// own (segment_marks.h). Byte layout: storage/FORMAT.md, "Segment".

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "cpp/model/span_batch_builder.h"
#include "cpp/traceql/source.h"
#include "storage/columnar/column_cache.h"
#include "storage/spans/redactions.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

inline constexpr uint32_t kMaxSegmentRows = 65'536;

/// One row of a batch. The batch must outlive the call it is given to.
struct RowRef {
  const SpanBatch* batch = nullptr;
  uint32_t row = 0;
};

/// What is known of a segment without reading a column: the store keeps one in memory for each.
struct SegmentStub {
  uint64_t number = 0;
  uint32_t rows = 0;
  uint32_t traces = 0;
  uint64_t min_start = 0;  ///< Unix nanoseconds.
  uint64_t max_end = 0;    ///< Unix nanoseconds; never below min_start.
  uint64_t stored_bytes =
      0;                    ///< Sum of the values' sizes; in a stub read from disk without value 0.
  uint64_t wire_bytes = 0;  ///< Sum of the rows' wire_size.
  uint64_t log_first = 0;   ///< As given to BuildSegment.
  uint64_t log_last = 0;
  /// Rows of one trace were received in the order of this over the segments that have them: the
  /// number, or what the oldest segment had that a merge put into this one.
  uint64_t order = 0;
  /// The values that hold the rows counted (span_counts.h), without and with their durations; 0:
  /// there is none.
  uint32_t counts_value = 0;
  uint32_t durations_value = 0;
};

struct SegmentInput {
  std::string_view tenant;
  /// Sorted by (trace id, start); 1 to kMaxSegmentRows.
  std::span<const RowRef> rows;
  /// One for each distinct trace, in trace id order: the live-log position up to which the trace's
  /// spans are in this or an earlier segment. Recovery uses it.
  std::span<const uint64_t> through;
  /// The range of live-log positions that the rows came from.
  uint64_t log_first = 0;
  uint64_t log_last = 0;
  /// SegmentStub::order; 0: the number that it will get.
  uint64_t order = 0;
};

/// What to write, in one atomic batch: values[i] under SegmentKey(number, i).
struct SealedSegment {
  std::vector<std::string> values;
  SegmentStub stub;             ///< Without `number`.
  std::vector<TraceId> traces;  ///< Ascending, each once.
  /// Those that have rows in other segments, ascending: written beside the segment. Left empty by
  /// BuildSegment.
  std::vector<TraceId> split;
};

/// REQUIRES: the input is as its comments say and its rows' wire_size sums up to less than 512 MiB.
SealedSegment BuildSegment(const SegmentInput& input);

/// The key of a segment's value: 's', the number and the index, both big-endian. Segments of one
/// volume are thus in the order of their numbers, and other keys have other first bytes.
std::string SegmentKey(uint64_t number, uint32_t index);
/// All keys of a segment begin with it.
std::string SegmentPrefix(uint64_t number);

/// Calls `visit` for each segment of a volume, in the order of their numbers, reading nothing but
/// its footer. A segment whose footer is damaged is given as its number and the error.
using SegmentVisitor =
    std::function<void(uint64_t number, const Result<SegmentStub>& stub, std::string_view tenant)>;
Status ForEachSegment(const Volume& volume, const SegmentVisitor& visit);

/// Thread-safe. Columns are decoded when first asked for, kept in the cache for all readers of the
/// same segment, and held by this reader (as SpanBlock demands) for as long as it lives: make a
/// reader for each query, not one for ever. Every damaged byte is kCorruption that names the
/// column.
class SegmentReader final : public traceql::SpanBlock {
 public:
  /// Reads the footer alone. `number` must be unique among the segments that share `cache`.
  /// Attributes that `redactions` (null: none) names are left out of columns and rows.
  /// kNotFound if the volume has no such segment.
  static Result<std::shared_ptr<const SegmentReader>> Open(
      std::shared_ptr<const Volume> volume, uint64_t number, std::shared_ptr<ColumnCache> cache,
      std::shared_ptr<const SegmentRedactions> redactions = nullptr);
  /// A segment that was built and not, or not yet, written.
  static Result<std::shared_ptr<const SegmentReader>> Open(
      std::shared_ptr<const SealedSegment> sealed, uint64_t number,
      std::shared_ptr<ColumnCache> cache);
  ~SegmentReader() override;

  const std::string& tenant() const;
  const SegmentStub& stub() const;

  /// False only if no row is of that trace; true wrongly about once in a hundred.
  bool MayContain(const TraceId& id) const;

  /// Appends all rows of the trace, in the segment's order and exactly as they were received.
  /// False if there is none. After an error what was appended is unspecified.
  /// Rows in `hidden` (null: none) are left out.
  Result<bool> AppendTrace(const TraceId& id, SpanBatchBuilder* to,
                           const traceql::Bitmap* hidden = nullptr) const;

  /// Sum of wire_size over the trace's rows that are not in `hidden` (null: none).
  Result<uint64_t> WireBytesOf(const TraceId& id, const traceql::Bitmap* hidden) const;

  /// Rows [first, last), exactly as they were received.
  /// REQUIRES: first <= last <= rows().
  Result<SpanBatch> ReadRows(uint32_t first, uint32_t last) const;

  /// Whether no row is a duplicate of another, which segments of the first version do not promise.
  bool unique() const;
  /// The positions given to BuildSegment, in trace id order.
  using TraceVisitor = std::function<void(const TraceId& id, uint64_t through)>;
  Status ForEachTraceThrough(const TraceVisitor& visit) const;

  /// kCorruption if the value filter or the counts are not what `rows`, all of the segment's, give.
  Status CheckShortcuts(const SpanBatch& rows) const;

  /// Names of the attributes of that scope, redacted or not, each with its type; a name may have
  /// several types.
  struct AttributeName {
    std::string name;
    ValueType type = ValueType::kString;
  };
  Result<std::vector<AttributeName>> AttributeNames(AttrScope scope) const;

  // traceql::SpanBlock.
  uint32_t rows() const override;
  uint64_t min_start() const override;
  uint64_t max_end() const override;
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
  Result<std::shared_ptr<const traceql::Column>> ScopeNames() const override;
  Result<std::shared_ptr<const traceql::Column>> ScopeVersions() const override;
  Result<std::shared_ptr<const traceql::Column>> EventTimes() const override;
  Result<std::shared_ptr<const traceql::Column>> LinkTraceIds() const override;
  Result<std::shared_ptr<const traceql::Column>> LinkSpanIds() const override;
  Result<std::shared_ptr<const traceql::Column>> Attribute(AttrScope scope,
                                                           std::string_view key) const override;
  Result<std::vector<traceql::AttributeKey>> AttributeKeys() const override;
  /// As if no row were hidden.
  Result<std::span<const uint32_t>> ParentRows() const override;
  /// True too where the value filter is damaged.
  bool MayMatch(const traceql::Field& field, traceql::Op op,
                const traceql::Literal& literal) const override;
  /// The same; the error of a damaged filter.
  Result<bool> LooksToMatch(const traceql::Field& field, traceql::Op op,
                            const traceql::Literal& literal) const;

 private:
  struct Rep;
  explicit SegmentReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace tocsin::storage
