// Sums and averages of histograms.

#include <memory>
#include <utility>

#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {

bool HistogramTotal::Add(const NativeHistogram& histogram) {
  if (incompatible_) return false;
  if (histogram.counter_reset == CounterResetHint::kReset) seen_reset_ = true;
  if (histogram.counter_reset == CounterResetHint::kNotReset) seen_no_reset_ = true;
  count_ += 1;
  if (!sum_) {
    sum_.emplace(histogram);
    return true;
  }
  return kind_ == Kind::kSum ? Take(sum_->Add(histogram)) : AddToAverage(histogram);
}

bool HistogramTotal::AddToAverage(const NativeHistogram& histogram) {
  if (!incremental_) {
    CompensatedHistogram next = *sum_;
    if (!Take(next.Add(histogram))) return false;
    if (!next.HasOverflow()) {
      sum_ = std::move(next);
      return true;
    }
    incremental_ = true;
    sum_->Divide(count_ - 1);
  }
  sum_->Multiply((count_ - 1) / count_);
  NativeHistogram share = histogram;
  DivideHistogram(&share, count_);
  return Take(sum_->Add(share));
}

bool HistogramTotal::Take(const HistogramMerge& merge) {
  if (merge.bounds_reconciled) notes_.Add(HistogramNote::kBoundsReconciledInAggregation);
  if (!merge.incompatible) return true;
  notes_.Add(HistogramNote::kMixedSchemas);
  incompatible_ = true;
  return false;
}

HistogramNotes HistogramTotal::notes() const {
  HistogramNotes notes = notes_;
  if (seen_reset_ && seen_no_reset_ && !incompatible_) {
    notes.Add(HistogramNote::kResetCollisionInAggregation);
  }
  return notes;
}

HistogramPtr HistogramTotal::Value(bool compact) const {
  NativeHistogram value;
  if (kind_ == Kind::kAverage && !incremental_) {
    CompensatedHistogram average = *sum_;
    average.Divide(count_);
    value = average.Value();
  } else {
    value = sum_->Value();
  }
  if (compact) CompactHistogram(&value);
  return std::make_shared<const NativeHistogram>(std::move(value));
}

}  // namespace tocsin::promql
