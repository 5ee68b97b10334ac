/// Evaluates conditions on the rows of one block.
///
/// Logic has two values: a comparison that cannot be made, because a side is absent or of another
/// type, is false, and `!` turns it to true. A comparison with a field of several values (events,
/// links) is true if it holds for one of them.

#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/bound_field.h"
#include "cpp/traceql/trace_table.h"

namespace tocsin::traceql {

/// Does the field's value depend on other spans of the trace?
bool DependsOnTrace(const Field& field);

class ConditionEval {
 public:
  explicit ConditionEval(std::shared_ptr<TraceTable> table) : table_(std::move(table)) {}

  /// The rows for which the condition holds, whether they are visible or not. Exact for traces that
  /// are whole; of the others, and where the block does not keep a field, a superset: what only the
  /// whole trace tells is taken to hold.
  Result<Bitmap> Evaluate(const Expr& condition) { return EvaluateExpr(condition, true); }

  /// The field bound to the block, for as long as this lives. PrepareRows() was called.
  Result<const BoundField*> Prepare(const Field& field);
  /// Does the block keep all of these fields?
  Result<bool> Keeps(const std::vector<Field>& fields);
  /// Appends the values that a value or arithmetic has in a row; none where it has none. They live
  /// as long as this. REQUIRES: its fields were prepared and are available.
  void ValuesOf(const Expr& expr, uint32_t row, std::vector<Scalar>* out) const {
    RowValues(expr, row, out);
  }

  /// Bytes of columns that were read so far.
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct Bound {
    BoundField field;
    bool rows_prepared = false;
  };
  struct Leaf;

  // `otherwise`: the answer where a field is not available. True asks for a superset of the rows
  // that satisfy the expression, false for a subset.
  Result<Bitmap> EvaluateExpr(const Expr& expr, bool otherwise);
  Result<Bitmap> EvaluateAnd(const Operation& operation, bool otherwise);
  Result<Bitmap> EvaluateOr(const Operation& operation, bool otherwise);
  Result<Bitmap> EvaluateBoolEquality(const Operation& operation, bool otherwise);
  Result<Bitmap> EvaluateLeaf(const Expr& expr, bool otherwise);
  Result<Bitmap> EvaluateOneField(const Expr& expr, const Field& field);
  Result<Bitmap> EvaluateComparison(const Leaf& leaf);
  Result<Bitmap> EvaluateRows(const Expr& expr, const std::vector<const Field*>& fields);
  Result<Bitmap> EvaluateRootTest(const Expr& expr);
  bool MayMatch(const Expr& expr) const;
  void PatchPartial(const std::vector<const Field*>& fields, bool otherwise, Bitmap* rows) const;
  Result<Bound*> Bind(const Field& field);
  void RowValues(const Expr& expr, uint32_t row, std::vector<Scalar>* out) const;
  bool RowVerdict(const Expr& expr, uint32_t row) const;

  std::shared_ptr<TraceTable> table_;
  std::unordered_map<Field, Bound, FieldHash> bound_;
  uint64_t bytes_read_ = 0;
};

}  // namespace tocsin::traceql
