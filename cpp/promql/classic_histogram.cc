#include "cpp/promql/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace tocsin::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Relative; differences below it come from rounding in sums of rates.
constexpr double kTolerance = 1e-12;

bool AlmostEqual(double a, double b) {
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kTolerance * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

// Counts may only grow from bucket to bucket. They do not where buckets were scraped or recorded at
// different moments.
void ForceMonotonicity(std::vector<Bucket>* buckets, QuantileResult* result) {
  ForcedMonotonicity& forced = result->monotonicity;
  forced = {kInf, -kInf, 0};
  double previous = buckets->front().count;
  for (size_t i = 1; i < buckets->size(); ++i) {
    Bucket& bucket = (*buckets)[i];
    if (bucket.count == previous) continue;
    if (AlmostEqual(previous, bucket.count)) {
      bucket.count = previous;
    } else if (bucket.count < previous) {
      result->forced = true;
      forced.min_bucket = std::min(forced.min_bucket, bucket.upper_bound);
      forced.max_bucket = std::max(forced.max_bucket, bucket.upper_bound);
      forced.max_diff = std::max(forced.max_diff, previous - bucket.count);
      bucket.count = previous;
    } else {
      previous = bucket.count;
    }
  }
}

// REQUIRES: at least two buckets, the last one for +Inf, and observations.
double Interpolate(double phi, const std::vector<Bucket>& buckets) {
  double rank = phi * buckets.back().count;
  const auto last = buckets.end() - 1;
  const auto it =
      std::find_if(buckets.begin(), last, [rank](const Bucket& b) { return b.count >= rank; });
  if (it == last) return (last - 1)->upper_bound;
  if (it == buckets.begin() && it->upper_bound <= 0) return it->upper_bound;
  double start = 0;
  double count = it->count;
  if (it != buckets.begin()) {
    start = (it - 1)->upper_bound;
    count -= (it - 1)->count;
    rank -= (it - 1)->count;
  }
  return start + (it->upper_bound - start) * (rank / count);
}

// How many observations lie at or below `v`.
class RankFinder {
 public:
  explicit RankFinder(double v) : value_(v) {}

  // To be called for each bucket in turn; `below` is the count below it.
  void Look(double lower_bound, const Bucket& bucket, double below) {
    if (found_) return;
    if (lower_bound >= value_) {
      rank_ = below;
      found_ = true;
    } else if (bucket.upper_bound > value_) {
      // In a bucket without a lower end nothing can be interpolated: all of it lies below.
      rank_ = lower_bound == -kInf ? bucket.count
                                   : below + (bucket.count - below) * (value_ - lower_bound) /
                                                 (bucket.upper_bound - lower_bound);
      found_ = true;
    }
  }

  double RankOf(double total) const { return found_ ? std::min(rank_, total) : total; }

 private:
  const double value_;
  double rank_ = 0;
  bool found_ = false;
};

}  // namespace

void CoalesceBuckets(std::vector<Bucket>* buckets) {
  size_t kept = 0;
  for (size_t i = 1; i < buckets->size(); ++i) {
    if ((*buckets)[i].upper_bound == (*buckets)[kept].upper_bound) {
      (*buckets)[kept].count += (*buckets)[i].count;
    } else {
      (*buckets)[++kept] = (*buckets)[i];
    }
  }
  buckets->resize(kept + 1);
}

QuantileResult BucketQuantile(double phi, std::vector<Bucket>* buckets) {
  QuantileResult result;
  result.quantile = kNan;
  if (std::isnan(phi)) return result;
  if (phi < 0 || phi > 1) {
    result.quantile = phi < 0 ? -kInf : kInf;
    return result;
  }
  if (buckets->back().upper_bound != kInf) return result;
  CoalesceBuckets(buckets);
  ForceMonotonicity(buckets, &result);
  if (buckets->size() < 2 || buckets->back().count == 0) return result;
  result.quantile = Interpolate(phi, *buckets);
  return result;
}

double BucketFraction(double lower, double upper, std::vector<Bucket>* buckets) {
  if (buckets->back().upper_bound != kInf) return kNan;
  CoalesceBuckets(buckets);
  const double total = buckets->back().count;
  if (total == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  RankFinder lower_rank(lower);
  RankFinder upper_rank(upper);
  double lower_bound = buckets->front().upper_bound <= 0 ? -kInf : 0;
  double below = 0;
  for (const Bucket& bucket : *buckets) {
    lower_rank.Look(lower_bound, bucket, below);
    upper_rank.Look(lower_bound, bucket, below);
    lower_bound = bucket.upper_bound;
    below = bucket.count;
  }
  return (upper_rank.RankOf(total) - lower_rank.RankOf(total)) / total;
}

}  // namespace tocsin::promql
