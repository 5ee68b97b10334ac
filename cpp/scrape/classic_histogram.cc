#include "cpp/scrape/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "cpp/model/native_histogram_math.h"

namespace tocsin::scrape {

void ClassicHistogram::SetBucket(double upper_bound, double cumulative_count) {
  // A NaN is before and behind nothing; at the end it makes Converted() fail.
  const auto place = std::isnan(upper_bound) ? buckets_.end()
                                             : std::ranges::lower_bound(buckets_, upper_bound, {},
                                                                        &Bucket::upper_bound);
  if (place != buckets_.end() && place->upper_bound == upper_bound) return;
  buckets_.insert(place, {upper_bound, cumulative_count});
}

HistogramPtr ClassicHistogram::Converted() const {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::vector<Bucket> buckets = buckets_;
  const double last = buckets.empty() ? 0 : buckets.back().count;
  const double count = count_.value_or(last);
  if (buckets.empty() || buckets.back().upper_bound != kInf) buckets.push_back({kInf, count});
  auto native = std::make_shared<NativeHistogram>();
  native->schema = kCustomBucketsSchema;
  native->sum = sum_;
  native->count = count;
  native->positive_spans = {{0, static_cast<uint32_t>(buckets.size())}};
  double below = 0;
  for (const Bucket& bucket : buckets) {
    if (std::isnan(bucket.upper_bound) || !(bucket.count >= below)) return nullptr;
    native->positive_buckets.push_back(bucket.count - below);
    if (bucket.upper_bound != kInf) native->custom_values.push_back(bucket.upper_bound);
    below = bucket.count;
  }
  if (below != count) return nullptr;
  CompactHistogram(native.get());
  if (!ValidateHistogram(*native).ok()) return nullptr;
  return native;
}

}  // namespace tocsin::scrape
