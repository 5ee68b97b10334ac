/// The buckets of a native histogram, one by one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cpp/model/native_histogram.h"

namespace tocsin {

/// A bucket as people see it.
struct HistogramBucket {
  double lower = 0;
  double upper = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  double count = 0;
};

/// A bucket by its place; its bounds cost more than all the rest, so they are computed on demand.
struct BucketRef {
  enum class Side : uint8_t { kNegative, kZero, kPositive };

  Side side = Side::kZero;
  int32_t index = 0;  ///< As of the schema; 0 of the zero bucket.
  double count = 0;
};

/// The upper bound of positive bucket `index`: +Inf for what only infinities fall into, and the
/// greatest double for the bucket before. REQUIRES: an exponential schema.
double ExponentialBound(int32_t index, int32_t schema);

/// The upper bound of bucket `index`, whatever the schema; of kCustomBucketsSchema -Inf for index
/// -1 and +Inf behind the last one. REQUIRES: of custom buckets, -1 <= index <=
/// custom_values.size().
double BucketUpperBound(const NativeHistogram& histogram, int32_t index);

/// The bucket with its bounds.
HistogramBucket BucketAt(const NativeHistogram& histogram, const BucketRef& ref);

/// Buckets of all sides, ascending, empty ones of the spans included; the zero bucket only if it
/// is not empty. Bounds that lie inside the zero bucket are cut at its threshold.
std::vector<HistogramBucket> AllBuckets(const NativeHistogram& histogram);

/// Walks over the buckets of one side by index, in either direction.
class BucketCursor {
 public:
  /// Stands before the first bucket, or behind the last one. Both spans are borrowed; their lengths
  /// fit together.
  BucketCursor(std::span<const HistogramSpan> spans, std::span<const double> counts, bool reverse);

  /// Moves on; false at the end.
  bool Next() { return reverse_ ? Back() : Forward(); }
  int32_t index() const { return static_cast<int32_t>(index_); }
  double count() const { return counts_[position_]; }
  /// The place among the counts.
  size_t position() const { return position_; }

 private:
  bool Forward();
  bool Back();

  std::span<const HistogramSpan> spans_;
  std::span<const double> counts_;
  bool reverse_;
  // Where the next bucket is taken from.
  ptrdiff_t span_ = 0;
  uint32_t left_ = 0;         // Buckets of that span that were not seen yet.
  size_t next_position_ = 0;  // Reverse: one more.
  int64_t next_index_ = 0;
  // Where the cursor stands.
  size_t position_ = 0;
  int64_t index_ = 0;
};

/// All buckets in the order of their values, or against it; the zero bucket only if it holds
/// something.
class BucketWalk {
 public:
  /// The histogram is borrowed.
  BucketWalk(const NativeHistogram& histogram, bool reverse);

  bool Next();
  const BucketRef& ref() const { return ref_; }
  /// With bounds, which are cut at the zero threshold.
  HistogramBucket At() const;

 private:
  const NativeHistogram& histogram_;
  const bool reverse_;
  BucketCursor negative_;
  BucketCursor positive_;
  int stage_ = 0;
  BucketRef ref_;
};

/// Counts of buckets of which each was written as the difference from the one before; adds their
/// sum to `*total` if that is not null. What hostile differences overflow wraps: to a negative
/// count, which no valid histogram has, or a wrong sum.
std::vector<double> CountsOfDeltas(std::span<const int64_t> deltas, uint64_t* total = nullptr);

}  // namespace tocsin
