/// Evaluates the conditions of a query on the rows of one block.
///
/// Logic has two values: a comparison that cannot be made, because a side is absent or of another
/// type, is false, and `!` turns it to true. A comparison with a field of several values (events,
/// links) is true if it holds for one of them.

#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/bound_field.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/whole_trace.h"

namespace tocsin::traceql {

class Filter {
 public:
  /// With a trace, whose BatchBlock `block` must be, answers are exact. Without one they are a
  /// superset: a condition on what only the whole trace tells is taken to hold. Both must outlive
  /// the filter, as must all that is evaluated.
  Filter(const SpanBlock& block, const WholeTrace* trace) : block_(block), trace_(trace) {}

  /// The rows that the spanset holds of the trace; without a trace, the rows of which it may hold
  /// some.
  Result<Bitmap> Evaluate(const Spanset& spanset);

  /// The values of a field in a row. REQUIRES: a trace. They live as long as the filter.
  Result<std::vector<Scalar>> ValuesOf(const Field& field, uint32_t row);

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
  Result<Bitmap> EvaluateComparison(const Leaf& leaf);
  Result<Bitmap> EvaluateRows(const Expr& expr, const std::vector<const Field*>& fields);
  Result<Bound*> Bind(const Field& field);
  Result<bool> IsAvailable(const Expr& expr);
  void RowValues(const Expr& expr, uint32_t row, std::vector<Scalar>* out) const;
  bool RowVerdict(const Expr& expr, uint32_t row) const;

  const SpanBlock& block_;
  const WholeTrace* trace_;
  std::unordered_map<Field, Bound, FieldHash> bound_;
  uint64_t bytes_read_ = 0;
};

}  // namespace tocsin::traceql
