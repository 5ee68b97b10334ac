/// Kernels that carry their state from one window to the next: amortised constant time per step.

#pragma once

#include "cpp/promql/range_functions.h"

namespace tocsin::promql {

/// sum_over_time and avg_over_time.
RangeKernel SumKernel(bool average);

/// min_over_time and max_over_time. NaN counts only where there is nothing else.
RangeKernel ExtremeKernel(bool maximum);

/// changes(), or resets(): how often the value differs from the one before it, or is smaller.
/// `anchored`: the last sample at or before the start of the range is the first to compare with.
RangeKernel CountChangesKernel(bool resets, bool anchored);

}  // namespace tocsin::promql
