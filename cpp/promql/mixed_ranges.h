/// The functions of range vectors where not all samples are floats.

#pragma once

#include <span>

#include "cpp/model/native_histogram.h"
#include "cpp/promql/native_histogram.h"
#include "cpp/promql/range_functions.h"
#include "cpp/promql/step_vector.h"
#include "cpp/promql/windows.h"

namespace tocsin::promql {

/// Samples of one series; no time is in both.
struct MixedSamples {
  RangeSamples floats;
  std::span<const HistogramSample> histograms;    ///< Ascending by time.
  std::span<const Millis> histogram_starts = {};  ///< As those of `floats`.
};

/// Completes a row in which the kernel of the function has put what it makes of the floats alone:
/// sets the values of the windows with histograms in them, takes away those of windows that the
/// function does not have because of them. Returns what is to be said about the series.
HistogramNotes ApplyHistograms(const RangeCall& call, const MixedSamples& samples,
                               const WindowGrid& grid, RowBuffer* row);

}  // namespace tocsin::promql
