/// What the evaluator computes with: series by series, the values at all steps of a query.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

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

struct StepSeries {
  Labels labels;
  bool drop_name = false;      ///< The name is still there, but is not to be in the result.
  size_t first = 0;            ///< The step of values[0].
  std::vector<double> values;  ///< Absent() where there is none. Nothing outside of them.

  size_t end() const { return first + values.size(); }
  double At(size_t step) const {
    return step >= first && step < end() ? values[step - first] : Absent();
  }

  /// From one value for each step, all of them; what is absent at both ends is left out.
  static StepSeries Make(Labels labels, std::span<const double> dense);
};

using StepVector = std::vector<StepSeries>;

/// The value of a scalar at each step.
using StepScalars = std::vector<double>;

/// Removes series without any value.
void RemoveEmpty(StepVector* vector);

/// Removes __name__, __type__ and __unit__: what an operation takes away that changes the meaning
/// of a value.
void DropMetricName(Labels* labels);

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
  /// The labels that the key is made of.
  Labels Select(const Labels& labels) const;

 private:
  bool Selects(const std::string& name) const;

  std::vector<std::string> names_;  // Sorted.
  bool keep_;
  std::string key_;
};

}  // namespace tocsin::promql
