/// The traces of one block: which of its rows belong together, and what they tell of their trace.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_duration.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// Of one trace, as far as it is in the block.
struct TraceExtent {
  uint64_t start = UINT64_MAX;  ///< The least start, Unix nanoseconds.
  uint64_t end = 0;             ///< The greatest end; never below `start`.
  /// The earliest row without a parent id (by start, then span id); kNoRow if there is none.
  uint32_t root = SpanBlock::kNoRow;

  /// Nanoseconds, as far as a signed number goes.
  int64_t duration() const { return DurationBetween(start, end); }
};

/// Works things out when they are first asked for and then keeps them. Hidden rows belong to no
/// trace here. Not thread-safe: each query has its own. The block must outlive it.
class TraceTable {
 public:
  static constexpr uint32_t kNoRow = SpanBlock::kNoRow;

  /// `all_whole`: every trace is known to be here with all of its spans, whatever Whole() says, as
  /// in a block of a trace that SpanView::Trace gave.
  static Result<std::shared_ptr<TraceTable>> Make(const SpanBlock& block, bool all_whole);

  const SpanBlock& block() const { return block_; }
  uint32_t rows() const { return block_.rows(); }
  std::span<const TraceId> traces() const { return traces_; }
  std::span<const uint32_t> trace_of_row() const { return trace_of_row_; }
  bool IsWhole(uint32_t trace) const {
    return all_whole_ || (!whole_.empty() && whole_[trace] != 0);
  }

  /// The rows that count.
  const Bitmap& visible() const { return visible_; }
  bool all_visible() const { return all_visible_; }
  /// Those of them whose trace has, or may have, spans elsewhere; null: there are none.
  const Bitmap* partial() const { return partial_ ? &*partial_ : nullptr; }

  /// Makes every trace one that may have spans elsewhere: for a block that cannot answer a query.
  void CallAllPartial();

  /// Calls visit(row) for each visible row of a trace, ascending.
  template <class Visit>
  void ForEachRow(uint32_t trace, Visit visit) {
    if (!rows_by_trace_known_) FindRows();
    for (uint32_t i = begin_[trace]; i < begin_[trace + 1]; ++i) {
      const uint32_t row = sorted_ ? i : rows_by_trace_[i];
      if (!sorted_ || all_visible_ || visible_.Test(row)) visit(row);
    }
  }

  /// How many rows a trace has. REQUIRES: all_visible().
  uint32_t RowsOf(uint32_t trace) {
    if (!rows_by_trace_known_) FindRows();
    return begin_[trace + 1] - begin_[trace];
  }

  Result<TraceExtent> ExtentOf(uint32_t trace);
  /// Of every trace; that of a trace without visible rows says nothing.
  Result<std::span<const TraceExtent>> Extents();

  /// The row of each row's parent in its trace; kNoRow for a root, for a span whose parent is not
  /// here and for one that names itself. Of several rows with the parent's id the first by (start,
  /// end) counts. Parents may form a ring.
  Result<std::span<const uint32_t>> ParentRows();
  /// How many rows have this one as their parent.
  Result<std::vector<int64_t>> ChildCounts();

  /// Numbers of a depth-first walk of a trace from its roots, children by (start, span id): a
  /// descendant's left and right lie between its ancestor's. `parent` is the parent's left, -1 for
  /// a root. All are 0 for a span that no path from a root leads to.
  struct NestedSet {
    int64_t left = 0;
    int64_t right = 0;
    int64_t parent = 0;
  };
  /// Makes NestedSetOf(row) known for a trace, or for all.
  Status Nest(uint32_t trace);
  Status NestAll();
  const NestedSet& NestedSetOf(uint32_t row) const { return nested_[row]; }

 private:
  explicit TraceTable(const SpanBlock& block) : block_(block) {}
  Status Load(bool all_whole);
  Status LoadTimes();
  void FindRows();
  bool FindRuns();
  void Include(uint32_t row, TraceExtent* extent) const;
  Status FindParents();
  void Walk(const std::vector<uint32_t>& order);

  const SpanBlock& block_;
  std::span<const TraceId> traces_;
  std::span<const uint32_t> trace_of_row_;
  std::span<const uint8_t> whole_;
  bool all_whole_ = false;
  bool all_visible_ = true;
  Bitmap visible_;
  std::optional<Bitmap> partial_;

  bool rows_by_trace_known_ = false;
  bool sorted_ = false;          // trace_of_row_ ascends.
  std::vector<uint32_t> begin_;  // Of each trace: in the rows or, unless sorted, in rows_by_trace_.
  std::vector<uint32_t> rows_by_trace_;  // Unless sorted: the visible rows.

  bool times_known_ = false;
  std::span<const uint64_t> starts_;
  std::span<const uint64_t> ends_;
  std::span<const SpanId> span_ids_;
  std::span<const SpanId> parent_ids_;
  std::vector<TraceExtent> extents_;
  bool parents_known_ = false;
  std::span<const uint32_t> parents_;
  std::vector<uint32_t> own_parents_;
  std::vector<NestedSet> nested_;       // By row.
  std::vector<uint8_t> is_nested_;      // By trace.
  std::vector<uint32_t> place_of_row_;  // In the walk of its trace.
};

}  // namespace tocsin::traceql
