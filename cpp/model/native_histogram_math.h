/// Arithmetic of native histograms: what Prometheus's FloatHistogram can do, with its results.
///
/// All functions need histograms with a right layout (ValidateHistogram checks it) and give such;
/// counts may be any doubles. Histograms with different resolution are brought to the lower one,
/// different zero buckets to one that covers both, different custom bounds to those that both have.

#pragma once

#include <cstdint>
#include <vector>

#include "cpp/model/native_histogram.h"

namespace tocsin {

/// What became of combining two histograms.
struct HistogramMerge {
  /// One has exponential, the other custom buckets: nothing was done.
  bool incompatible = false;
  /// One follows a counter reset, the other is known not to.
  bool reset_collision = false;
  /// Custom bounds differed, and only the common ones were kept.
  bool bounds_reconciled = false;
};

/// `*histogram += other`. The hint becomes kGauge if one of both is a gauge, else kUnknown unless
/// both agree. There may be empty buckets afterwards: see Compact.
HistogramMerge AddHistogram(NativeHistogram* histogram, const NativeHistogram& other);

/// `*histogram -= other`, the hint as of AddHistogram: it is the caller who knows that the
/// difference of two counters is a gauge.
HistogramMerge SubtractHistogram(NativeHistogram* histogram, const NativeHistogram& other);

/// Counts and sum times `factor`; a negative factor makes a gauge.
void MultiplyHistogram(NativeHistogram* histogram, double factor);

/// As MultiplyHistogram; division by zero gives an infinite (or NaN) count and sum and no buckets.
void DivideHistogram(NativeHistogram* histogram, double divisor);

/// Removes all empty buckets; spans come out as long as they can be.
void CompactHistogram(NativeHistogram* histogram);

/// To a lower resolution. REQUIRES: exponential, `schema` <= its own.
void ReduceResolution(NativeHistogram* histogram, int32_t schema);

/// Some count, bound or sum is infinite.
bool HasOverflow(const NativeHistogram& histogram);

/// Between `previous` and `current` the counter was reset: the hint of `current` says so, or some
/// count went down, a bucket vanished, or the layout changed in a way that only a reset explains.
bool DetectReset(const NativeHistogram& current, const NativeHistogram& previous);

/// Whichever observations lie below (`upper`: keep those below `limit`) or above it; a bucket with
/// the limit inside is split as quantiles would. Count and sum follow from what is left.
void TrimHistogram(NativeHistogram* histogram, double limit, bool upper);

/// The share of a bucket's observations that lie below `value`: on a linear scale for custom
/// buckets and the zero bucket, else on a logarithmic one. REQUIRES: finite bounds, lower < value <
/// upper.
double FractionBelow(double lower, double upper, double value, bool linear);

/// What rounding has taken from each number of a histogram.
struct HistogramRest {
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<double> positive_buckets;  ///< One for each bucket.
  std::vector<double> negative_buckets;
};

/// A sum of histograms that keeps what rounding takes (Neumaier's summation, for every number of
/// it). Copyable, so that a step can be tried.
class CompensatedHistogram {
 public:
  explicit CompensatedHistogram(NativeHistogram first);

  /// Nothing changes if the histograms are incompatible.
  HistogramMerge Add(const NativeHistogram& other);
  void Multiply(double factor);
  void Divide(double divisor);
  bool HasOverflow() const { return tocsin::HasOverflow(sum_); }

  /// Sum and compensation together, not compacted.
  NativeHistogram Value() const;

 private:
  NativeHistogram sum_;
  HistogramRest rest_;
};

}  // namespace tocsin
