/// Evaluates pipelines on the rows of one block.
///
/// Answers are exact for traces whose spans are all in the block (SpanBlock::Whole). Of the others,
/// whose rows are partial(), the answer has every row that the pipeline may select when it is
/// evaluated on the whole trace; do that with SpanView::Trace, a BatchBlock of what it gives and a
/// BlockEval of that block with `all_whole`. Where a block does not keep a column that the query
/// needs, all of its traces are partial.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/aggregate.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/condition.h"
#include "cpp/traceql/selection.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/trace_table.h"

namespace tocsin::traceql {

/// Not thread-safe. The block must outlive it, and the queries that it is asked must outlive their
/// selections.
class BlockEval {
 public:
  /// `fields`: of all that will be asked (FieldsOf). `all_whole`: see TraceTable::Make.
  /// `interrupted`: asked now and then where an evaluation may take long; what it fails with is the
  /// result. May be empty.
  static Result<std::unique_ptr<BlockEval>> Make(const SpanBlock& block,
                                                 const std::vector<Field>& fields,
                                                 bool all_whole = false,
                                                 std::function<Status()> interrupted = {});

  /// The rows of all spansets that the pipeline gives, hidden ones left out.
  Result<Bitmap> Rows(const Pipeline& pipeline);
  /// The rows that the spanset expression holds of each trace.
  Result<Bitmap> Rows(const Spanset& spanset);
  /// The spansets themselves. REQUIRES: the pipeline is as Validate() left it.
  Result<Selection> Select(const Pipeline& pipeline);

  /// Visible rows of traces that are not whole; null if there are none.
  const Bitmap* partial() const { return table_->partial(); }
  TraceTable& table() { return *table_; }
  const std::shared_ptr<TraceTable>& shared_table() const { return table_; }
  ConditionEval& conditions() { return conditions_; }
  /// Bytes of columns that were read so far.
  uint64_t bytes_read() const { return conditions_.bytes_read(); }

 private:
  BlockEval(std::shared_ptr<TraceTable> table, std::function<Status()> interrupted)
      : table_(std::move(table)), conditions_(table_), interrupted_(std::move(interrupted)) {}

  Status CheckInterrupted() const { return interrupted_ ? interrupted_() : Status(); }

  /// Which unit each row belongs to.
  std::span<const uint32_t> UnitOfRow(const Selection& in) const {
    return in.grouping ? std::span<const uint32_t>(in.grouping->group_of_row)
                       : table_->trace_of_row();
  }
  uint32_t Units(const Selection& in) const {
    return in.grouping ? in.grouping->groups : static_cast<uint32_t>(table_->traces().size());
  }

  Result<Selection> Run(const Pipeline& stages, Selection in);
  Result<Bitmap> Evaluate(const Spanset& spanset, const Selection& in);
  Result<Bitmap> EvaluateAnd(const Spanset& spanset, const Selection& in);
  Result<Bitmap> EvaluateStructural(const Spanset& spanset, const Selection& in);
  void AddPartial(const Bitmap& superset, Bitmap* rows) const;
  std::vector<uint32_t> CountRows(const Selection& in);
  void KeepUnits(const std::vector<uint8_t>& keep, const Selection& in, Bitmap* rows);

  Result<Selection> Filter(const ScalarFilter& filter, Selection in);
  Result<Selection> FilterByPipelines(const ScalarFilter& filter, Selection in);
  Result<Selection> Split(const Group& group, Selection in);

  struct Numbers;
  Result<Numbers> Evaluate(const ScalarExpr& scalar, const Selection& in, Bitmap* united);
  Result<Numbers> EvaluateAggregate(const ScalarExpr& scalar, const Selection& in);

  std::shared_ptr<TraceTable> table_;
  ConditionEval conditions_;
  std::function<Status()> interrupted_;
};

}  // namespace tocsin::traceql
