#include "cpp/traceql/metrics_buckets.h"

#include <algorithm>
#include <cmath>

namespace tocsin::traceql {

BucketCode BucketOfFloat(double value) {
  if (!(value > 0) || !std::isfinite(value)) return 0;
  int exponent = 0;
  // value = fraction * 2^exponent with a fraction in [0.5, 1).
  if (std::frexp(value, &exponent) == 0.5) --exponent;
  return static_cast<BucketCode>(std::clamp(exponent, -64, 64) + kBucketBias);
}

double BucketBound(BucketCode code) { return std::ldexp(1.0, int{code} - kBucketBias); }

double QuantileOf(double q, std::span<const BucketCount> buckets) {
  double total = 0;
  for (const BucketCount& bucket : buckets) total += bucket.count;
  if (total == 0) return 0;
  // How many of the values, from the least on, lie at or below the quantile: one at least.
  const double wanted = std::max(std::ceil(q * total), std::min(total, 1.0));
  double below = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const BucketCount& bucket = buckets[i];
    const bool last = i + 1 == buckets.size();
    if (below + bucket.count == wanted || (last && below + bucket.count < wanted)) {
      return bucket.bound;
    }
    if (below + bucket.count < wanted) {
      below += bucket.count;
      continue;
    }
    const double upper = std::log2(bucket.bound);
    const double lower = i > 0 ? std::log2(buckets[i - 1].bound) : upper - 1;
    return std::exp2(lower + (upper - lower) * (wanted - below) / bucket.count);
  }
  return 0;
}

}  // namespace tocsin::traceql
