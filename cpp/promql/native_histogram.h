/// What PromQL computes of native histograms. Each result tells what is to be said about it; the
/// evaluator knows where in the query that belongs (see Annotate).

#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cpp/model/native_histogram.h"
#include "cpp/model/native_histogram_math.h"
#include "cpp/promql/annotations.h"

namespace tocsin::promql {

/// A thing to be said about histograms.
enum class HistogramNote : uint8_t {
  kMixedWithFloats,             ///< Warning: floats and histograms in one range.
  kMixedWithFloatsInAggregate,  ///< Warning: the same in sum() and avg().
  kMixedSchemas,                ///< Warning: exponential and custom buckets cannot be combined.
  kNotCounter,                  ///< Warning: rate() and the like of a gauge.
  kNotGauge,                    ///< Warning: delta() and the like of a counter.
  kResetCollisionInAddition,    ///< Warning: hints about counter resets contradict each other.
  kResetCollisionInSubtraction,
  kResetCollisionInAggregation,
  kStartTimeOverlap,            ///< Warning: a start time before the previous sample.
  kBoundsReconciledInAddition,  ///< Info: custom bounds differed.
  kBoundsReconciledInSubtraction,
  kBoundsReconciledInAggregation,
  kIgnoredInMixedRange,  ///< Info: a function of floats met histograms as well.
  kQuantileIsNan,        ///< Info: NaN observations, no quantile.
  kQuantileIsSkewed,     ///< Info: NaN observations count as the greatest.
  kFractionWithoutNan,   ///< Info: NaN observations are in no fraction.
};

/// A set of notes.
class HistogramNotes {
 public:
  HistogramNotes() = default;
  HistogramNotes(std::initializer_list<HistogramNote> notes) {
    for (const HistogramNote note : notes) Add(note);
  }

  void Add(HistogramNote note) { bits_ |= 1U << static_cast<unsigned>(note); }
  void Add(HistogramNotes other) { bits_ |= other.bits_; }
  bool Has(HistogramNote note) const { return (bits_ >> static_cast<unsigned>(note) & 1U) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  uint32_t bits_ = 0;
};

bool IsWarning(HistogramNote note);

/// Upstream's words. `metric_name` may be "": some notes then lack `for metric name "x"`.
std::string TextOf(HistogramNote note, std::string_view metric_name);

/// Says all of `notes` at `pos`.
void Annotate(Annotations* annotations, PosRange pos, HistogramNotes notes,
              std::string_view metric_name);

/// A number that was computed of histograms.
struct HistogramNumber {
  double value = 0;
  HistogramNotes notes;
};

/// histogram_quantile: linear in the zero bucket and in custom ones, exponential elsewhere. -Inf
/// for phi < 0, +Inf for phi > 1, NaN if there are no observations.
HistogramNumber QuantileOfHistogram(double phi, const NativeHistogram& histogram);

/// histogram_fraction: the share of the observations between both bounds.
HistogramNumber FractionOfHistogram(double lower, double upper, const NativeHistogram& histogram);

/// histogram_stdvar; histogram_stddev is its square root.
double VarianceOfHistogram(const NativeHistogram& histogram);

/// What is left after taking two histograms together, or null.
struct HistogramResult {
  HistogramPtr histogram;  ///< Null: no value.
  HistogramNotes notes;
};

/// a + b and a - b of vectors, compacted. Null with kMixedSchemas unless both fit together: it is
/// the evaluator who says "incompatible bucket layout encountered for binary operator +".
HistogramResult AddHistograms(const NativeHistogram& a, const NativeHistogram& b);
HistogramResult SubtractHistograms(const NativeHistogram& a, const NativeHistogram& b);

/// Of vectors, compacted. Never null.
HistogramPtr MultipliedHistogram(const NativeHistogram& histogram, double factor);
HistogramPtr DividedHistogram(const NativeHistogram& histogram, double divisor);
/// The operators `</` (upper) and `>/`.
HistogramPtr TrimmedHistogram(const NativeHistogram& histogram, double limit, bool upper);
/// Unary minus.
HistogramPtr NegatedHistogram(const NativeHistogram& histogram);

/// Histograms of one series in the range of one step.
struct HistogramWindow {
  std::span<const HistogramSample> histograms;
  /// The start time of each histogram, 0 for not known; or empty if none is known or none counts.
  std::span<const Millis> starts = {};
  Millis start = 0;  ///< Of the range, not included.
  Millis end = 0;
  Millis range = 0;  ///< The length as written: what a rate is divided by.

  size_t size() const { return histograms.size(); }
};

enum class RateKind : uint8_t { kRate, kIncrease, kDelta };

/// rate, increase and delta of what is in the range. Null if too little is.
/// REQUIRES: no floats in the range (say kMixedWithFloats then).
HistogramResult ExtrapolatedRate(const HistogramWindow& window, RateKind kind);

/// The same of `anchored` ranges, where the window begins with one sample at or before its start if
/// there is one, and of `smoothed` ranges, where it begins and ends with one sample beyond.
HistogramResult ExtendedRate(const HistogramWindow& window, RateKind kind, bool smoothed);

/// irate (`counter`) and idelta of the last two samples. The starts are as of HistogramWindow.
HistogramResult InstantRate(const HistogramSample& previous, const HistogramSample& last,
                            bool counter, Millis previous_start = 0, Millis last_start = 0);

/// The histogram that would be at `t`, between both: what `smoothed` instant vectors are.
/// REQUIRES: left.t <= t <= right.t, left.t < right.t.
HistogramResult InterpolatedHistogram(const HistogramSample& left, const HistogramSample& right,
                                      Millis t, bool counter);

/// Whether a start time tells of a counter reset between two samples; and whether it overlaps what
/// was counted before, as it should not.
bool IsStartTimeReset(Millis previous_start, Millis previous_time, Millis start, Millis time);
bool IsStartTimeOverlap(Millis previous_start, Millis previous_time, Millis start);

/// The sum or the average of histograms: of series in sum() and avg(), of samples in sum_over_time
/// and avg_over_time. The order of operations is Prometheus's.
class HistogramTotal {
 public:
  enum class Kind : uint8_t { kSum, kAverage };

  explicit HistogramTotal(Kind kind) : kind_(kind) {}

  /// False, once and for all, if it cannot be combined with those before: there is no value then,
  /// and the notes are nothing but kMixedSchemas and what had to be said before.
  bool Add(const NativeHistogram& histogram);

  bool empty() const { return count_ == 0; }
  bool incompatible() const { return incompatible_; }
  HistogramNotes notes() const;

  /// Compacted if `compact`, as aggregations have it; the functions over time do not.
  /// REQUIRES: not empty, not incompatible.
  HistogramPtr Value(bool compact) const;

 private:
  bool AddToAverage(const NativeHistogram& histogram);
  bool Take(const HistogramMerge& merge);

  const Kind kind_;
  double count_ = 0;
  bool incremental_ = false;  // It is the mean that is kept: the sum has become too large.
  bool incompatible_ = false;
  bool seen_reset_ = false;
  bool seen_no_reset_ = false;
  HistogramNotes notes_;
  std::optional<CompensatedHistogram> sum_;
};

}  // namespace tocsin::promql
