#include "cpp/promql/native_histogram.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/quote.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/promql/kahan.h"

namespace tocsin::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr auto kLastNote = HistogramNote::kFractionWithoutNan;

// How the metric's name is said.
enum class NameStyle : uint8_t { kNone, kAlways, kIfThere };

struct NoteWords {
  bool warning;
  NameStyle name;
  std::string_view text;
};

NoteWords WordsOf(HistogramNote note) {
  constexpr bool kWarning = true;
  constexpr bool kInfo = false;
  switch (note) {
    case HistogramNote::kMixedWithFloats:
      return {kWarning, NameStyle::kAlways,
              "encountered a mix of histograms and floats for metric name"};
    case HistogramNote::kMixedWithFloatsInAggregate:
      return {kWarning, NameStyle::kNone,
              "encountered a mix of histograms and floats for aggregation"};
    case HistogramNote::kMixedSchemas:
      return {kWarning, NameStyle::kAlways,
              "vector contains a mix of histograms with exponential and custom buckets schemas for "
              "metric name"};
    case HistogramNote::kNotCounter:
      return {kWarning, NameStyle::kAlways, "this native histogram metric is not a counter:"};
    case HistogramNote::kNotGauge:
      return {kWarning, NameStyle::kAlways, "this native histogram metric is not a gauge:"};
    case HistogramNote::kResetCollisionInAddition:
      return {kWarning, NameStyle::kNone, "conflicting counter resets during histogram addition"};
    case HistogramNote::kResetCollisionInSubtraction:
      return {kWarning, NameStyle::kNone,
              "conflicting counter resets during histogram subtraction"};
    case HistogramNote::kResetCollisionInAggregation:
      return {kWarning, NameStyle::kNone,
              "conflicting counter resets during histogram aggregation"};
    case HistogramNote::kStartTimeOverlap:
      return {kWarning, NameStyle::kAlways,
              "sample has start time that overlaps with previous sample timestamp for metric"};
    case HistogramNote::kBoundsReconciledInAddition:
      return {kInfo, NameStyle::kNone, "mismatched custom buckets were reconciled during addition"};
    case HistogramNote::kBoundsReconciledInSubtraction:
      return {kInfo, NameStyle::kNone,
              "mismatched custom buckets were reconciled during subtraction"};
    case HistogramNote::kBoundsReconciledInAggregation:
      return {kInfo, NameStyle::kNone,
              "mismatched custom buckets were reconciled during aggregation"};
    case HistogramNote::kIgnoredInMixedRange:
      return {kInfo, NameStyle::kAlways,
              "ignored histograms in a range containing both floats and histograms for metric "
              "name"};
    case HistogramNote::kQuantileIsNan:
      return {kInfo, NameStyle::kIfThere,
              "input to histogram_quantile has NaN observations, result is NaN"};
    case HistogramNote::kQuantileIsSkewed:
      return {kInfo, NameStyle::kIfThere,
              "input to histogram_quantile has NaN observations, result is skewed higher"};
    case HistogramNote::kFractionWithoutNan:
      return {kInfo, NameStyle::kIfThere,
              "input to histogram_fraction has NaN observations, which are excluded from all "
              "fractions"};
  }
  return {};
}

HistogramPtr Shared(NativeHistogram&& histogram) {
  return std::make_shared<const NativeHistogram>(std::move(histogram));
}

// The bucket at 0 of an exponential histogram reaches only to the side that is there, if one is.
void CutAtZero(const NativeHistogram& histogram, HistogramBucket* bucket) {
  const bool positive = !histogram.positive_buckets.empty();
  const bool negative = !histogram.negative_buckets.empty();
  if (positive && !negative) bucket->lower = 0;
  if (negative && !positive) bucket->upper = 0;
}

// The value at `fraction` of the bucket's observations.
double Interpolated(const HistogramBucket& bucket, double fraction, bool linear) {
  if (linear || (bucket.lower <= 0 && bucket.upper >= 0)) {
    return bucket.lower + (bucket.upper - bucket.lower) * fraction;
  }
  const double log_lower = std::log2(std::abs(bucket.lower));
  const double log_upper = std::log2(std::abs(bucket.upper));
  if (bucket.lower > 0) return std::exp2(log_lower + (log_upper - log_lower) * fraction);
  return -std::exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

// Counts observations up to a value, bucket by bucket.
class RankFinder {
 public:
  RankFinder(double value, bool custom) : value_(value), custom_(custom) {}

  // `before` is the number of observations in lower buckets.
  void See(const HistogramBucket& bucket, bool at_zero, double before) {
    if (found_) return;
    if (bucket.lower >= value_) {
      rank_ = before;
    } else if (bucket.upper > value_) {
      rank_ = Within(bucket, at_zero, before);
    } else {
      return;
    }
    found_ = true;
  }

  bool found() const { return found_; }
  double RankUpTo(double count) const { return !found_ || rank_ > count ? count : rank_; }

 private:
  double Within(const HistogramBucket& bucket, bool at_zero, double before) const {
    const bool linear = custom_ || at_zero;
    // Of a bucket without a lower bound nothing is known: all of it counts.
    if (linear && bucket.lower == -kInfinity) return bucket.count;
    return before + bucket.count * FractionBelow(bucket.lower, bucket.upper, value_, linear);
  }

  const double value_;
  const bool custom_;
  bool found_ = false;
  double rank_ = 0;
};

}  // namespace

bool IsWarning(HistogramNote note) { return WordsOf(note).warning; }

std::string TextOf(HistogramNote note, std::string_view metric_name) {
  const NoteWords words = WordsOf(note);
  std::string text(words.text);
  if (words.name == NameStyle::kAlways) text.append(" ").append(QuoteGo(metric_name));
  if (words.name == NameStyle::kIfThere) text.append(ForMetricName(metric_name));
  return text;
}

void Annotate(Annotations* annotations, PosRange pos, HistogramNotes notes,
              std::string_view metric_name) {
  if (notes.empty()) return;
  for (unsigned i = 0; i <= static_cast<unsigned>(kLastNote); ++i) {
    const auto note = static_cast<HistogramNote>(i);
    if (!notes.Has(note)) continue;
    const std::string text = TextOf(note, metric_name);
    if (note == HistogramNote::kStartTimeOverlap) {
      annotations->WarnCounted(pos, text);
    } else if (IsWarning(note)) {
      annotations->Warn(pos, text);
    } else {
      annotations->Info(pos, text);
    }
  }
}

HistogramNumber QuantileOfHistogram(double phi, const NativeHistogram& histogram) {
  if (phi < 0) return {-kInfinity, {}};
  if (phi > 1) return {kInfinity, {}};
  if (histogram.count == 0 || std::isnan(phi)) return {kNan, {}};
  // NaN observations are in no bucket, but in the count: they are taken to be above all others, and
  // what is below is found only from below.
  const bool may_have_nan = std::isnan(histogram.sum);
  const bool ascending = may_have_nan || phi < 0.5;
  double rank = (ascending ? phi : 1 - phi) * histogram.count;

  BucketWalk walk(histogram, /*reverse=*/!ascending);
  HistogramBucket bucket;
  double count = 0;
  bool any = false;
  while (walk.Next()) {
    any = true;
    if (walk.ref().count == 0) continue;
    count += walk.ref().count;
    if (count >= rank) break;
  }
  if (any) bucket = walk.At();
  const bool custom = histogram.custom_buckets();
  if (custom && bucket.lower == -kInfinity) {
    if (bucket.upper <= 0) return {bucket.upper, {}};
    bucket.lower = 0;
  } else if (custom && bucket.upper == kInfinity) {
    return {bucket.lower, {}};
  } else if (!custom && bucket.lower < 0 && bucket.upper > 0) {
    CutAtZero(histogram, &bucket);
  }
  // Sums of counts are not exact.
  if (count > histogram.count) count = histogram.count;
  if (count < rank) {
    if (may_have_nan) return {kNan, {HistogramNote::kQuantileIsNan}};
    return {bucket.upper, {}};
  }
  HistogramNotes notes;
  rank = ascending ? rank - (count - bucket.count) : count - rank;
  if (may_have_nan) {
    while (walk.Next()) count += walk.ref().count;
    if (count < histogram.count) notes.Add(HistogramNote::kQuantileIsSkewed);
  }
  return {Interpolated(bucket, rank / bucket.count, custom), notes};
}

HistogramNumber FractionOfHistogram(double lower, double upper, const NativeHistogram& histogram) {
  if (histogram.count == 0 || std::isnan(lower) || std::isnan(upper)) return {kNan, {}};
  if (lower >= upper) return {0, {}};
  RankFinder below_lower(lower, histogram.custom_buckets());
  RankFinder below_upper(upper, histogram.custom_buckets());
  BucketWalk walk(histogram, /*reverse=*/false);
  double seen = 0;
  while (!(below_lower.found() && below_upper.found()) && walk.Next()) {
    HistogramBucket bucket = walk.At();
    const bool at_zero = bucket.lower <= 0 && bucket.upper >= 0;
    if (at_zero) CutAtZero(histogram, &bucket);
    below_lower.See(bucket, at_zero, seen);
    below_upper.See(bucket, at_zero, seen);
    seen += bucket.count;
  }
  HistogramNotes notes;
  double count = histogram.count;
  if (std::isnan(histogram.sum)) {  // There may be NaN observations, which are in no bucket.
    while (walk.Next()) seen += walk.ref().count;
    count = seen;
    if (count < histogram.count) notes.Add(HistogramNote::kFractionWithoutNan);
  }
  return {(below_upper.RankUpTo(count) - below_lower.RankUpTo(count)) / histogram.count, notes};
}

double VarianceOfHistogram(const NativeHistogram& histogram) {
  const double mean = histogram.sum / histogram.count;
  KahanSum variance;
  BucketWalk walk(histogram, /*reverse=*/false);
  while (walk.Next()) {
    if (walk.ref().count == 0) continue;
    const HistogramBucket bucket = walk.At();
    double middle = 0;
    if (histogram.custom_buckets()) {
      middle = (bucket.upper + bucket.lower) / 2;
    } else if (bucket.lower > 0 || bucket.upper < 0) {
      middle = std::sqrt(bucket.upper * bucket.lower);
      if (bucket.upper < 0) middle = -middle;
    }
    const double delta = middle - mean;
    variance.Add(bucket.count * delta * delta);
  }
  return (variance.sum + variance.compensation) / histogram.count;
}

HistogramResult AddHistograms(const NativeHistogram& a, const NativeHistogram& b) {
  NativeHistogram sum = a;
  const HistogramMerge merge = AddHistogram(&sum, b);
  if (merge.incompatible) return {nullptr, {HistogramNote::kMixedSchemas}};
  HistogramResult result;
  if (merge.reset_collision) result.notes.Add(HistogramNote::kResetCollisionInAddition);
  if (merge.bounds_reconciled) result.notes.Add(HistogramNote::kBoundsReconciledInAddition);
  CompactHistogram(&sum);
  result.histogram = Shared(std::move(sum));
  return result;
}

HistogramResult SubtractHistograms(const NativeHistogram& a, const NativeHistogram& b) {
  NativeHistogram difference = a;
  const HistogramMerge merge = SubtractHistogram(&difference, b);
  if (merge.incompatible) return {nullptr, {HistogramNote::kMixedSchemas}};
  HistogramResult result;
  if (merge.reset_collision) result.notes.Add(HistogramNote::kResetCollisionInSubtraction);
  if (merge.bounds_reconciled) result.notes.Add(HistogramNote::kBoundsReconciledInSubtraction);
  difference.counter_reset = CounterResetHint::kGauge;
  CompactHistogram(&difference);
  result.histogram = Shared(std::move(difference));
  return result;
}

HistogramPtr MultipliedHistogram(const NativeHistogram& histogram, double factor) {
  NativeHistogram product = histogram;
  MultiplyHistogram(&product, factor);
  CompactHistogram(&product);
  return Shared(std::move(product));
}

HistogramPtr DividedHistogram(const NativeHistogram& histogram, double divisor) {
  NativeHistogram quotient = histogram;
  DivideHistogram(&quotient, divisor);
  CompactHistogram(&quotient);
  return Shared(std::move(quotient));
}

HistogramPtr TrimmedHistogram(const NativeHistogram& histogram, double limit, bool upper) {
  NativeHistogram trimmed = histogram;
  TrimHistogram(&trimmed, limit, upper);
  return Shared(std::move(trimmed));
}

HistogramPtr NegatedHistogram(const NativeHistogram& histogram) {
  NativeHistogram negated = histogram;
  MultiplyHistogram(&negated, -1);
  return Shared(std::move(negated));
}

}  // namespace tocsin::promql
