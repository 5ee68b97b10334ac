#include "cpp/model/native_histogram_buckets.h"

#include <array>
#include <cmath>
#include <limits>

namespace tocsin {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int32_t kFractions = 1 << kMaxExponentialSchema;

// The bounds in [0.5, 1) of the finest schema: 2^(i/256 - 1). Products of square roots in this very
// order, from 1/sqrt(2) instead of sqrt(0.5) on, are bit for bit what every other implementation
// of native histograms has in a table.
std::array<double, kFractions> MakeFractions() {
  std::array<double, kMaxExponentialSchema> roots{};  // 2^(1/2), 2^(1/4), ...
  double root = 2;
  for (double& each : roots) each = root = std::sqrt(root);
  std::array<double, kFractions> fractions{};
  for (int32_t i = 0; i < kFractions; ++i) {
    double bound = (i & (kFractions / 2)) == 0 ? 0.5 : 1 / roots[0];
    for (size_t bit = 1; bit < roots.size(); ++bit) {
      if ((i >> (roots.size() - 1 - bit) & 1) != 0) bound *= roots[bit];
    }
    fractions[static_cast<size_t>(i)] = bound;
  }
  return fractions;
}

// 2^1024 is no double, and the bucket below it does not count infinities: its bound is the greatest
// double.
double Scaled(double fraction, int64_t exponent) {
  if (fraction == 0.5 && exponent == 1025) return std::numeric_limits<double>::max();
  if (exponent > 1025) return kInfinity;
  return std::ldexp(fraction, exponent < -2000 ? -2000 : static_cast<int>(exponent));
}

}  // namespace

double ExponentialBound(int32_t index, int32_t schema) {
  static const std::array<double, kFractions> fractions = MakeFractions();
  if (schema <= 0) return Scaled(0.5, int64_t{index} * (int64_t{1} << -schema) + 1);
  const int32_t within = index & ((1 << schema) - 1);
  return Scaled(fractions[static_cast<size_t>(within) << (kMaxExponentialSchema - schema)],
                int64_t{index >> schema} + 1);
}

double BucketUpperBound(const NativeHistogram& histogram, int32_t index) {
  if (!histogram.custom_buckets()) return ExponentialBound(index, histogram.schema);
  if (index < 0) return -kInfinity;
  const auto place = static_cast<size_t>(index);
  return place < histogram.custom_values.size() ? histogram.custom_values[place] : kInfinity;
}

HistogramBucket BucketAt(const NativeHistogram& histogram, const BucketRef& ref) {
  HistogramBucket bucket;
  bucket.count = ref.count;
  switch (ref.side) {
    case BucketRef::Side::kZero:
      bucket.lower = -histogram.zero_threshold;
      bucket.upper = histogram.zero_threshold;
      bucket.lower_inclusive = bucket.upper_inclusive = true;
      return bucket;
    case BucketRef::Side::kPositive:
      bucket.lower = BucketUpperBound(histogram, ref.index - 1);
      bucket.upper = BucketUpperBound(histogram, ref.index);
      break;
    case BucketRef::Side::kNegative:
      bucket.lower = -BucketUpperBound(histogram, ref.index);
      bucket.upper = -BucketUpperBound(histogram, ref.index - 1);
      break;
  }
  if (histogram.custom_buckets()) {
    bucket.lower_inclusive = ref.index == 0;
    bucket.upper_inclusive = true;
  } else {
    bucket.lower_inclusive = bucket.lower < 0;
    bucket.upper_inclusive = bucket.upper > 0;
  }
  return bucket;
}

std::vector<HistogramBucket> AllBuckets(const NativeHistogram& histogram) {
  std::vector<HistogramBucket> buckets;
  buckets.reserve(histogram.negative_buckets.size() + histogram.positive_buckets.size() + 1);
  BucketWalk walk(histogram, /*reverse=*/false);
  while (walk.Next()) buckets.push_back(walk.At());
  return buckets;
}

BucketCursor::BucketCursor(std::span<const HistogramSpan> spans, std::span<const double> counts,
                           bool reverse)
    : spans_(spans), counts_(counts), reverse_(reverse) {
  if (spans.empty()) return;
  if (!reverse) {
    left_ = spans.front().length;
    next_index_ = spans.front().offset;
    return;
  }
  span_ = std::ssize(spans) - 1;
  left_ = spans.back().length;
  next_position_ = counts.size();
  next_index_ = -1;
  for (const HistogramSpan& span : spans) next_index_ += int64_t{span.offset} + span.length;
}

bool BucketCursor::Forward() {
  const ptrdiff_t count = std::ssize(spans_);
  while (span_ < count && left_ == 0) {
    if (++span_ == count) return false;
    left_ = spans_[static_cast<size_t>(span_)].length;
    next_index_ += spans_[static_cast<size_t>(span_)].offset;
  }
  if (span_ >= count || next_position_ >= counts_.size()) return false;
  --left_;
  index_ = next_index_++;
  position_ = next_position_++;
  return true;
}

bool BucketCursor::Back() {
  if (spans_.empty()) return false;
  while (span_ >= 0 && left_ == 0) {
    next_index_ -= spans_[static_cast<size_t>(span_)].offset;
    if (--span_ < 0) return false;
    left_ = spans_[static_cast<size_t>(span_)].length;
  }
  if (span_ < 0 || next_position_ == 0) return false;
  --left_;
  index_ = next_index_--;
  position_ = --next_position_;
  return true;
}

BucketWalk::BucketWalk(const NativeHistogram& histogram, bool reverse)
    : histogram_(histogram),
      reverse_(reverse),
      negative_(histogram.negative_spans, histogram.negative_buckets, !reverse),
      positive_(histogram.positive_spans, histogram.positive_buckets, reverse) {}

bool BucketWalk::Next() {
  const auto take = [this](BucketCursor* cursor, BucketRef::Side side) {
    if (!cursor->Next()) return false;
    ref_ = {side, cursor->index(), cursor->count()};
    return true;
  };
  const auto take_negative = [&] { return take(&negative_, BucketRef::Side::kNegative); };
  const auto take_positive = [&] { return take(&positive_, BucketRef::Side::kPositive); };
  if (stage_ == 0) {
    if (reverse_ ? take_positive() : take_negative()) return true;
    stage_ = 1;
  }
  if (stage_ == 1) {
    stage_ = 2;
    if (histogram_.zero_count > 0) {
      ref_ = {BucketRef::Side::kZero, 0, histogram_.zero_count};
      return true;
    }
  }
  return reverse_ ? take_negative() : take_positive();
}

HistogramBucket BucketWalk::At() const {
  HistogramBucket bucket = BucketAt(histogram_, ref_);
  const double threshold = histogram_.zero_threshold;
  if (bucket.upper < 0 && bucket.upper > -threshold) bucket.upper = -threshold;
  if (bucket.lower > 0 && bucket.lower < threshold) bucket.lower = threshold;
  return bucket;
}

std::vector<double> CountsOfDeltas(std::span<const int64_t> deltas, uint64_t* total) {
  std::vector<double> counts;
  counts.reserve(deltas.size());
  uint64_t count = 0;
  for (const int64_t delta : deltas) {
    count += static_cast<uint64_t>(delta);
    if (total != nullptr) *total += count;
    counts.push_back(static_cast<double>(static_cast<int64_t>(count)));
  }
  return counts;
}

}  // namespace tocsin
