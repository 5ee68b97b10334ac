/// What the evaluator computes with: series by series, the values at all steps of a query.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/promql/source.h"

namespace tocsin::promql {

/// The times at which an expression is evaluated. An instant query has one.
struct Steps {
  Millis start = 0;
  Millis step = 1;
  size_t count = 1;  ///< At least 1.

  Millis At(size_t i) const { return start + static_cast<Millis>(i) * step; }
  Millis last() const { return At(count - 1); }
};

/// The value at a step where a series has none: the stale marker, which no selector lets through
/// and no arithmetic gives (it is a signalling NaN; results are quiet).
inline double Absent() { return StaleNan(); }
inline bool IsAbsent(double v) { return IsStaleNan(v); }

/// The values of one series at all steps, owned by somebody else.
struct StepRow {
  std::span<const double> values;  ///< One for each step; Absent() where there is none.
  /// Empty, or one for each step, null where there is none. Where there is one, the float beside it
  /// is Absent(): code that is about floats alone need not know of histograms.
  std::span<const HistogramPtr> histograms = {};
};

/// A row that is written again for each series.
class RowBuffer {
 public:
  explicit RowBuffer(size_t steps) : values_(steps, Absent()) {}

  std::span<double> values() { return values_; }
  /// Makes every step absent.
  void Clear();
  /// REQUIRES: not null.
  void SetHistogram(size_t step, HistogramPtr histogram);
  void SetAbsent(size_t step);
  StepRow row() const;

 private:
  std::vector<double> values_;
  std::vector<HistogramPtr> histograms_;  // Empty until the first one comes.
  bool any_histogram_ = false;
};

struct StepSeries {
  Labels labels;
  bool drop_name = false;      ///< The name is still there, but is not to be in the result.
  size_t first = 0;            ///< The step of values[0].
  std::vector<double> values;  ///< Absent() where there is none. Nothing outside of them.
  /// Empty, or one for each of `values`; as of StepRow.
  std::vector<HistogramPtr> histograms = {};

  size_t end() const { return first + values.size(); }
  /// The float at a step.
  double At(size_t step) const {
    return step >= first && step < end() ? values[step - first] : Absent();
  }
  /// The histogram at a step, or null.
  const NativeHistogram* HistogramAt(size_t step) const {
    return step >= first && step - first < histograms.size() ? histograms[step - first].get()
                                                             : nullptr;
  }
  /// A float or a histogram is there.
  bool Has(size_t step) const { return !IsAbsent(At(step)) || HistogramAt(step) != nullptr; }
  void Erase(size_t step);

  /// What is absent at both ends of the row is left out.
  static StepSeries Make(Labels labels, const StepRow& row);
  static StepSeries Make(Labels labels, std::span<const double> dense) {
    return Make(std::move(labels), StepRow{dense});
  }
};

using StepVector = std::vector<StepSeries>;

/// The value of a scalar at each step.
using StepScalars = std::vector<double>;

/// What a histogram counts for in samples where memory is bounded.
inline size_t SamplesWorth(const NativeHistogram& histogram) {
  return (SizeInBytes(histogram) + sizeof(Millis)) / sizeof(Sample);
}

/// Values in memory, histograms for what they are worth.
size_t SamplesWorth(const StepVector& vector);

/// Leaves floats only.
void RemoveHistograms(StepVector* vector);

/// Removes series without any value.
void RemoveEmpty(StepVector* vector);

/// `__name__`, `__type__` and `__unit__`: what an operation takes away that changes the meaning of
/// a value.
bool IsMetadataLabel(std::string_view name);

void DropMetricName(Labels* labels);

/// The owned labels of a view.
Labels ToLabels(std::span<const LabelView> labels);
/// The value of a label in a view, or "".
std::string_view ValueOf(std::span<const LabelView> labels, std::string_view name);

/// Joins series of equal labels that have no value at a common step; kFailedPrecondition ("vector
/// cannot contain metrics with the same labelset") if they have one. Keeps the order of the first.
Status MergeSameLabels(StepVector* vector);

/// Makes an exact key of some labels: equal keys if and only if those labels are equal.
class LabelKeys {
 public:
  /// With `keep`, of the labels named; without, of all others. __name__ counts as any label does.
  LabelKeys(std::vector<std::string> names, bool keep);

  /// Valid until the next call.
  const std::string& Of(const Labels& labels);
  const std::string& Of(std::span<const LabelView> labels);
  /// The labels that the key is made of.
  Labels Select(const Labels& labels) const;
  Labels Select(std::span<const LabelView> labels) const;

 private:
  bool Selects(std::string_view name) const;
  template <class Range, class ToView>
  const std::string& KeyOf(const Range& labels, ToView to_view);

  std::vector<std::string> names_;  // Sorted.
  bool keep_;
  std::string key_;
};

}  // namespace tocsin::promql
