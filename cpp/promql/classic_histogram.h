/// Quantiles and fractions of classic histograms: cumulative counts below upper bounds.

#pragma once

#include <vector>

#include "cpp/promql/annotations.h"

namespace tocsin::promql {

struct Bucket {
  double upper_bound = 0;
  double count = 0;  ///< Of everything up to the bound.
};

/// Joins buckets of equal bounds. REQUIRES: ordered by bound, not empty.
void CoalesceBuckets(std::vector<Bucket>* buckets);

struct QuantileResult {
  double quantile = 0;
  bool forced = false;  ///< Counts fell from one bucket to the next and had to be bent.
  ForcedMonotonicity monotonicity;
};

/// Interpolated linearly in a bucket, from zero in the lowest one if its bound is positive; in the
/// highest one its lower bound. NaN without a bucket for +Inf, without observations, or with fewer
/// than two buckets; -Inf and +Inf for phi below 0 and above 1.
/// REQUIRES: ordered by bound, not empty. Changes the buckets.
QuantileResult BucketQuantile(double phi, std::vector<Bucket>* buckets);

/// The share of observations in (lower, upper], interpolated linearly. REQUIRES: as above.
double BucketFraction(double lower, double upper, std::vector<Bucket>* buckets);

}  // namespace tocsin::promql
