#include "cpp/promql/element_operation.h"

#include <cmath>
#include <string>
#include <utility>

#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {

bool Holds(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kEqual:
      return left == right;
    case BinaryOp::kNotEqual:
      return left != right;
    case BinaryOp::kGreater:
      return left > right;
    case BinaryOp::kLess:
      return left < right;
    case BinaryOp::kGreaterEqual:
      return left >= right;
    default:
      return left <= right;
  }
}

double ScalarOperation(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kAdd:
      return left + right;
    case BinaryOp::kSub:
      return left - right;
    case BinaryOp::kMul:
      return left * right;
    case BinaryOp::kDiv:
      return left / right;
    case BinaryOp::kMod:
      return std::fmod(left, right);
    case BinaryOp::kPow:
      return std::pow(left, right);
    case BinaryOp::kAtan2:
      return std::atan2(left, right);
    default:
      return Holds(op, left, right) ? 1 : 0;
  }
}

void ElementOperation::ApplyHistograms(const Element& left, const Element& right,
                                       const Element& kept, size_t step, RowBuffer* row) {
  const bool equality = op_ == BinaryOp::kEqual || op_ == BinaryOp::kNotEqual;
  if (equality && left.histogram != nullptr && right.histogram != nullptr) {
    const bool equal = EqualHistograms(**left.histogram, **right.histogram);
    const bool holds = equal == (op_ == BinaryOp::kEqual);
    if (!filters_) {
      row->values()[step] = holds ? 1 : 0;
    } else if (holds) {
      row->SetHistogram(step, *kept.histogram);
    }
    return;
  }
  if (HistogramPtr result = Arithmetic(left, right)) row->SetHistogram(step, std::move(result));
}

HistogramPtr ElementOperation::Arithmetic(const Element& left, const Element& right) {
  const bool sums = op_ == BinaryOp::kAdd || op_ == BinaryOp::kSub;
  if (left.histogram != nullptr && right.histogram != nullptr) {
    if (sums) return SumOrDifference(**left.histogram, **right.histogram);
  } else if (left.histogram != nullptr) {
    const NativeHistogram& histogram = **left.histogram;
    if (op_ == BinaryOp::kMul) return MultipliedHistogram(histogram, right.v);
    if (op_ == BinaryOp::kDiv) return DividedHistogram(histogram, right.v);
    if (trims_) return TrimmedHistogram(histogram, right.v, op_ == BinaryOp::kTrimUpper);
  }
  if (left.histogram == nullptr && right.histogram != nullptr && op_ == BinaryOp::kMul) {
    return MultipliedHistogram(**right.histogram, left.v);
  }
  NoteIncompatible(left, right);
  return nullptr;
}

HistogramPtr ElementOperation::SumOrDifference(const NativeHistogram& left,
                                               const NativeHistogram& right) {
  HistogramResult result =
      op_ == BinaryOp::kAdd ? AddHistograms(left, right) : SubtractHistograms(left, right);
  if (result.histogram == nullptr) {
    annotations_.Warn(pos_, "incompatible bucket layout encountered for binary operator " +
                                std::string(BinaryOpName(op_)));
    return nullptr;
  }
  Annotate(&annotations_, pos_, result.notes, "");
  return std::move(result.histogram);
}

void ElementOperation::NoteIncompatible(const Element& left, const Element& right) {
  const auto type = [](const Element& element) {
    return element.histogram != nullptr ? "histogram" : "float";
  };
  const std::string name(BinaryOpName(op_));
  annotations_.Info(pos_, "incompatible sample types encountered for binary operator \"" + name +
                              "\": " + type(left) + " " + name + " " + type(right));
}

}  // namespace tocsin::promql
