/// The functions of range vectors: one value for each window of one series.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/step_vector.h"
#include "cpp/promql/windows.h"

namespace tocsin::promql {

/// The floats of one series, ascending by time, without stale markers.
struct RangeSamples {
  std::span<const Sample> samples;
  /// The start time of each, 0 if not known; or empty: none is to be looked at.
  std::span<const Millis> starts = {};
};

/// Puts the values of one series at all steps into `out`, Absent() where there is none. May keep
/// scratch memory from call to call.
using RangeKernel =
    std::function<void(const RangeSamples& range, const WindowGrid& grid, std::span<double> out)>;

struct RangeCall {
  const Function* function = nullptr;
  /// The scalar arguments, in order, each with its value at every step. Borrowed by the kernel.
  std::span<const StepScalars> scalars;
  bool anchored = false;
  bool smoothed = false;
};

/// kFailedPrecondition for arguments that the function refuses, and for a function that takes no
/// anchored or smoothed range. REQUIRES: a function with a range vector among its arguments, other
/// than absent_over_time.
Result<RangeKernel> MakeRangeKernel(const RangeCall& call);

/// The phi-quantile of values, which are sorted; NaN counts as the smallest. NaN for no values or a
/// NaN phi, -Inf and +Inf for a phi below 0 and above 1.
double QuantileOf(double phi, std::vector<double>* values);

}  // namespace tocsin::promql
