/// Native histograms: exponential ones (schema -4 to 8) and those with custom bucket bounds.
/// Vocabulary, layout and semantics are Prometheus's (model/histogram FloatHistogram).
///
/// Counts are doubles: an integer histogram of the wire is the same thing with whole numbers (exact
/// up to 2^53). A stale marker is never a histogram: it is the float sample StaleNan().

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin {

/// A run of consecutive buckets. The offset of the first span is a bucket index, that of each
/// further one the number of empty buckets before it (0 or more).
struct HistogramSpan {
  int32_t offset = 0;
  uint32_t length = 0;

  friend bool operator==(const HistogramSpan&, const HistogramSpan&) = default;
};

/// What the producer knows about a counter reset between the previous histogram and this one.
enum class CounterResetHint : uint8_t { kUnknown, kReset, kNotReset, kGauge };

/// The schema of histograms whose bounds are `custom_values` (NHCB).
inline constexpr int32_t kCustomBucketsSchema = -53;
inline constexpr int32_t kMinExponentialSchema = -4;
inline constexpr int32_t kMaxExponentialSchema = 8;

struct NativeHistogram {
  CounterResetHint counter_reset = CounterResetHint::kUnknown;
  /// Bucket i of an exponential schema is (2^((i-1)*2^-schema), 2^(i*2^-schema)].
  int32_t schema = 0;
  double zero_threshold = 0;  ///< The zero bucket is [-threshold, threshold].
  double zero_count = 0;
  double count = 0;  ///< Of all observations, NaN observations included.
  double sum = 0;
  std::vector<HistogramSpan> positive_spans;
  std::vector<HistogramSpan> negative_spans;
  std::vector<double> positive_buckets;  ///< Absolute counts, one for each bucket of the spans.
  std::vector<double> negative_buckets;
  /// Ascending upper bounds, +Inf left out; of kCustomBucketsSchema only.
  std::vector<double> custom_values;

  bool custom_buckets() const { return schema == kCustomBucketsSchema; }
};

/// OK if spans and buckets fit together, bounds ascend, counts are not negative and every bucket
/// index is one that a double can fall into, generously (at most 2^30 from 0); else
/// kInvalidArgument with Prometheus's words. Whatever takes histograms from outside calls this;
/// everything else relies on the layout being right (negative counts may come out of subtractions).
Status ValidateHistogram(const NativeHistogram& histogram);

/// The same numbers, bit by bit, in the same buckets; empty buckets count as buckets. What is known
/// about counter resets is not compared.
bool EqualHistograms(const NativeHistogram& a, const NativeHistogram& b);

/// `{count:12, sum:5.5, [-2,-1):3, [-0.001,0.001]:1, (1,2]:8}`: what is not empty, ascending.
std::string FormatHistogram(const NativeHistogram& histogram);

/// Of a histogram in memory, with its vectors.
size_t SizeInBytes(const NativeHistogram& histogram);

/// Histograms are shared between chunks, windows and results, and never changed once shared.
using HistogramPtr = std::shared_ptr<const NativeHistogram>;

struct HistogramSample {
  Millis t = 0;
  HistogramPtr histogram;  ///< Never null.
};

}  // namespace tocsin
