/// Histograms without their buckets: enough for histogram_count, histogram_sum and histogram_avg,
/// and for everything between these and a selector, at a fraction of the cost.

#pragma once

#include <span>
#include <vector>

#include "cpp/model/native_histogram.h"

namespace tocsin::promql {

/// The histograms of one series, ascending by time, with count, sum and schema alone. What only the
/// buckets tell is found out here: every one but the first says whether it follows a counter reset.
/// Reuses the memory of `out`.
void ReduceToStats(std::span<const HistogramSample> histograms, std::vector<HistogramSample>* out);

}  // namespace tocsin::promql
