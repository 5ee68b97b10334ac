/// Classic histograms, of cumulative buckets with upper bounds, as native ones with custom buckets.

#pragma once

#include <optional>
#include <vector>

#include "cpp/model/native_histogram.h"

namespace tocsin::scrape {

/// Collects the parts of one classic histogram.
class ClassicHistogram {
 public:
  /// Buckets may come in any order; of two with one bound the first counts.
  void SetBucket(double upper_bound, double cumulative_count);
  void SetCount(double count) { count_ = count; }
  void SetSum(double sum) { sum_ = sum; }

  /// The native form. Without a +Inf bucket the count is it, without a count the last bucket is the
  /// count. Null if the parts do not fit together: a count goes down, is negative or is not that of
  /// the +Inf bucket, or a bound is NaN.
  HistogramPtr Converted() const;

 private:
  struct Bucket {
    double upper_bound = 0;
    double count = 0;
  };

  std::vector<Bucket> buckets_;  // Ascending.
  std::optional<double> count_;
  double sum_ = 0;
};

}  // namespace tocsin::scrape
