/// Powers of two as buckets: what quantile_over_time estimates from and histogram_over_time shows.
///
/// A bucket holds the values above the half of its bound and up to it. Whole numbers below 2 are in
/// none, as in Tempo, where a duration of a nanosecond is taken for a mistake of the clock.

#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace tocsin::traceql {

/// A bucket as a small number, ascending with its bound; 0 is no bucket. Bounds are 2^-64 to 2^64;
/// what lies outside belongs to the first or the last.
using BucketCode = uint8_t;
inline constexpr uint32_t kBucketCodes = 130;
inline constexpr int kBucketBias = 65;

inline BucketCode BucketOfInt(int64_t value) {
  if (value < 2) return 0;
  return static_cast<BucketCode>(std::bit_width(static_cast<uint64_t>(value) - 1) + kBucketBias);
}
/// 0 for what is not above zero, and for what is not finite.
BucketCode BucketOfFloat(double value);
/// REQUIRES: 0 < code < kBucketCodes.
double BucketBound(BucketCode code);

struct BucketCount {
  double bound = 0;
  double count = 0;
};

/// An estimate of the quantile q of the counted values, within the bucket that holds it: its share
/// of the bucket's count, on a logarithmic scale from the bound of the bucket before. 0 if nothing
/// was counted. REQUIRES: bounds ascending, counts above 0, q from 0 to 1.
double QuantileOf(double q, std::span<const BucketCount> buckets);

}  // namespace tocsin::traceql
