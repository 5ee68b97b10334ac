/// The extended range selectors: `anchored` begins a range at the last sample before it, `smoothed`
/// interpolates at both of its edges.

#pragma once

#include <span>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/native_histogram.h"
#include "cpp/promql/windows.h"

namespace tocsin::promql {

/// What lies between two samples at `t`, on a straight line. Of a counter that fell in between it
/// is assumed that it started at zero.
double Interpolate(const Sample& before, const Sample& after, Millis t, bool is_counter);

/// The value of a smoothed instant selector: on a line between the neighbours of `time` within the
/// lookback; the last value if there is none after it; Absent() if there is none before it.
double SmoothedValue(std::span<const Sample> samples, Millis time, Millis lookback);

/// The same of histograms.
HistogramResult SmoothedHistogram(std::span<const HistogramSample> histograms, Millis time,
                                  Millis lookback);

/// What rate, increase and delta do with an extended window: the difference between its edges.
/// Absent() if nothing is to be measured. Seconds are those of the range.
struct ExtendedFloatRate {
  bool is_counter = false;
  bool per_second = false;
  bool smoothed = false;

  double operator()(const Window& window) const;
};

/// An extended window as a range vector shows it: a sample on each edge and those between them.
std::vector<Sample> ExtendToEdges(const Window& window, bool smoothed);

}  // namespace tocsin::promql
