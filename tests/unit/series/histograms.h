/// Random native histograms for the tests of the series store.

#pragma once

#include <bit>
#include <cstdint>
#include <random>

#include "cpp/model/native_histogram.h"

namespace tocsin {

/// With time and hint, which EqualHistograms leaves out.
inline bool operator==(const HistogramSample& a, const HistogramSample& b) {
  return a.t == b.t && a.histogram->counter_reset == b.histogram->counter_reset &&
         EqualHistograms(*a.histogram, *b.histogram);
}

namespace storage {

/// Of a random layout, without observations; ValidateHistogram takes it.
inline NativeHistogram RandomHistogram(std::mt19937_64& random) {
  NativeHistogram histogram;
  const bool custom = random() % 4 == 0;
  histogram.schema = custom ? kCustomBucketsSchema : static_cast<int32_t>(random() % 13) - 4;
  for (uint64_t n = random() % 4; n > 0; --n) {
    const auto length = static_cast<uint32_t>(1 + (random() % 5));
    const bool first = histogram.positive_spans.empty();
    const auto gap = static_cast<int32_t>(random() % 3);
    histogram.positive_spans.push_back({custom || !first ? gap : gap - 1, length});
    histogram.positive_buckets.resize(histogram.positive_buckets.size() + length);
  }
  if (custom) {
    for (int i = 0; i < 40; ++i) histogram.custom_values.push_back(i * 0.5);
    return histogram;
  }
  histogram.zero_threshold = 0.001;
  if (random() % 2 == 0) {
    histogram.negative_spans = {{-2, 3}};
    histogram.negative_buckets.resize(3);
  }
  return histogram;
}

/// Adds to some counts, whole numbers or not, and changes the hint now and then.
inline void Observe(std::mt19937_64& random, NativeHistogram* histogram) {
  const double unit = random() % 10 == 0 ? 0.25 : 1;
  double added = 0;
  for (auto* buckets : {&histogram->positive_buckets, &histogram->negative_buckets}) {
    for (double& count : *buckets) {
      if (random() % 3 != 0) continue;
      const double more = unit * static_cast<double>(random() % (uint64_t{1} << (random() % 20)));
      count += more;
      added += more;
    }
  }
  histogram->count += added;
  histogram->sum += added * 0.37;
  if (random() % 5 == 0) histogram->counter_reset = static_cast<CounterResetHint>(random() % 4);
}

}  // namespace storage
}  // namespace tocsin
