/// A binary operator on two values, floats or histograms.

#pragma once

#include <cstddef>

#include "cpp/promql/annotations.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/step_vector.h"

namespace tocsin::promql {

/// Of two scalars: comparisons give 0 and 1. REQUIRES: arithmetic or a comparison.
double ScalarOperation(BinaryOp op, double left, double right);

/// A comparison of floats.
bool Holds(BinaryOp op, double left, double right);

/// A float or a histogram, which is borrowed.
struct Element {
  double v = 0;
  const HistogramPtr* histogram = nullptr;  ///< If set, this is the value.

  static Element At(const StepSeries& series, size_t step) {
    const bool is_histogram = series.HistogramAt(step) != nullptr;
    return {series.At(step), is_histogram ? &series.histograms[step - series.first] : nullptr};
  }
};

class ElementOperation {
 public:
  /// Annotates at `pos`, that of the whole operation. What is passed is borrowed.
  ElementOperation(const Binary& binary, PosRange pos, Annotations* annotations)
      : op_(binary.op),
        filters_(IsComparison(binary.op) && !binary.return_bool),
        trims_(IsTrim(binary.op)),
        pos_(pos),
        annotations_(*annotations) {}

  /// False if floats alone give nothing.
  bool takes_floats() const { return !trims_; }

  /// Of two floats. A comparison without `bool` gives `kept`, or Absent(). REQUIRES:
  /// takes_floats().
  double OfFloats(double left, double right, double kept) const {
    if (!filters_) return ScalarOperation(op_, left, right);
    return Holds(op_, left, right) ? kept : Absent();
  }

  /// Puts what comes of two values of either kind into the row, if anything does.
  void Apply(const Element& left, const Element& right, const Element& kept, size_t step,
             RowBuffer* row) {
    if (left.histogram == nullptr && right.histogram == nullptr && takes_floats()) {
      row->values()[step] = OfFloats(left.v, right.v, kept.v);
    } else {
      ApplyHistograms(left, right, kept, step, row);
    }
  }

 private:
  void ApplyHistograms(const Element& left, const Element& right, const Element& kept, size_t step,
                       RowBuffer* row);
  // The result of arithmetic, or null.
  HistogramPtr Arithmetic(const Element& left, const Element& right);
  HistogramPtr SumOrDifference(const NativeHistogram& left, const NativeHistogram& right);
  void NoteIncompatible(const Element& left, const Element& right);

  const BinaryOp op_;
  const bool filters_;
  const bool trims_;
  const PosRange pos_;
  Annotations& annotations_;
};

}  // namespace tocsin::promql
