// Cutting a histogram at a value. What is left of it has no true sum any more: that is estimated
// from the middles of the buckets, arithmetic for custom buckets and geometric for exponential
// ones.

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_math.h"

namespace tocsin {
namespace {

// What is kept of a bucket, and where its middle is.
struct Kept {
  double count = 0;
  double middle = 0;
};

double MiddleOf(double lower, double upper, bool negative, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double middle = std::sqrt(std::abs(lower * upper));
  return negative ? -middle : middle;
}

// Nothing is known about where the observations of an unbounded bucket lie. If 0 lies in it, it is
// taken to begin there; else it is kept if all of it may be on the right side.
Kept KeptOfUnbounded(const HistogramBucket& bucket, double limit, bool below) {
  if (std::isinf(bucket.upper) && bucket.upper > 0 && !std::isinf(bucket.lower)) {
    return below ? Kept{} : Kept{bucket.count, limit};
  }
  const bool reaches_zero = bucket.upper > 0 && !std::isinf(bucket.upper);
  if (below) {
    if (limit > 0 && reaches_zero) return {bucket.count * limit / bucket.upper, limit / 2};
    return bucket.upper <= 0 ? Kept{bucket.count, limit} : Kept{};
  }
  if (limit >= 0 && reaches_zero) {
    return {bucket.count * (1 - limit / bucket.upper), (limit + bucket.upper) / 2};
  }
  return {};
}

class Trimmer {
 public:
  Trimmer(NativeHistogram* histogram, double limit, bool below)
      : histogram_(*histogram), limit_(limit), below_(below) {}

  void Run() {
    const bool positive = TrimSide(BucketRef::Side::kPositive, histogram_.positive_spans,
                                   &histogram_.positive_buckets);
    const bool negative = TrimSide(BucketRef::Side::kNegative, histogram_.negative_spans,
                                   &histogram_.negative_buckets);
    if (histogram_.zero_count > 0) {
      TrimZero(negative || !positive, positive || !negative);
    }
    if (!changed_) return;
    histogram_.count = count_;
    histogram_.sum = sum_;
    CompactHistogram(&histogram_);
  }

 private:
  // True if the side is populated.
  bool TrimSide(BucketRef::Side side, const std::vector<HistogramSpan>& spans,
                std::vector<double>* counts) {
    bool populated = false;
    BucketCursor cursor(spans, *counts, /*reverse=*/false);
    while (cursor.Next()) {
      if (cursor.count() == 0) continue;
      populated = true;
      const Kept kept = KeptOf(BucketAt(histogram_, {side, cursor.index(), cursor.count()}),
                               side == BucketRef::Side::kNegative);
      Keep(kept, &(*counts)[cursor.position()]);
    }
    return populated;
  }

  Kept KeptOf(const HistogramBucket& bucket, bool negative) const {
    const bool linear = histogram_.custom_buckets();
    if (below_ ? bucket.upper <= limit_ : bucket.lower >= limit_) {
      return {bucket.count, MiddleOf(bucket.lower, bucket.upper, negative, linear)};
    }
    if (!(below_ ? bucket.lower < limit_ : bucket.upper > limit_)) return {};
    if (std::isinf(bucket.lower) || std::isinf(bucket.upper)) {
      return KeptOfUnbounded(bucket, limit_, below_);
    }
    const double under = bucket.count * FractionBelow(bucket.lower, bucket.upper, limit_, linear);
    if (below_) return {under, MiddleOf(bucket.lower, limit_, negative, linear)};
    return {bucket.count - under, MiddleOf(limit_, bucket.upper, negative, linear)};
  }

  // The zero bucket reaches only to the sides that are populated, or to both if none is.
  void TrimZero(bool reaches_down, bool reaches_up) {
    const double lower = reaches_down ? -histogram_.zero_threshold : 0;
    const double upper = reaches_up ? histogram_.zero_threshold : 0;
    const double from = below_ ? lower : std::max(limit_, lower);
    const double to = below_ ? std::min(limit_, upper) : upper;
    Kept kept;
    if (below_ ? limit_ >= upper && limit_ > lower : limit_ <= lower) {
      kept = {histogram_.zero_count, (lower + upper) / 2};
    } else if (!(from >= to)) {  // A NaN stays one.
      kept = {histogram_.zero_count * ((to - from) / (upper - lower)), (from + to) / 2};
    }
    Keep(kept, &histogram_.zero_count);
  }

  void Keep(const Kept& kept, double* count) {
    if (*count != kept.count) changed_ = true;
    *count = kept.count;
    count_ += kept.count;
    sum_ += kept.middle * kept.count;
  }

  NativeHistogram& histogram_;
  const double limit_;
  const bool below_;
  bool changed_ = false;
  double count_ = 0;
  double sum_ = 0;
};

}  // namespace

double FractionBelow(double lower, double upper, double value, bool linear) {
  if (linear) return (value - lower) / (upper - lower);
  const double log_lower = std::log2(std::abs(lower));
  const double log_upper = std::log2(std::abs(upper));
  const double log_value = std::log2(std::abs(value));
  if (value > 0) return (log_value - log_lower) / (log_upper - log_lower);
  return 1 - (log_value - log_upper) / (log_lower - log_upper);
}

void TrimHistogram(NativeHistogram* histogram, double limit, bool upper) {
  Trimmer(histogram, limit, upper).Run();
}

}  // namespace tocsin
