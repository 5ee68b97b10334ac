#include "cpp/promql/smoothing.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "cpp/promql/step_vector.h"

namespace tocsin::promql {
namespace {

// The samples of a window that its edges are made of, [first, last].
struct Edges {
  size_t first = 0;
  size_t last = 0;
  double left = 0;
  double right = 0;
};

size_t FirstAfter(std::span<const Sample> samples, Millis t) {
  const auto it = std::ranges::upper_bound(samples, t, {}, &Sample::t);
  return static_cast<size_t>(it - samples.begin());
}

// False if no sample says anything about the inside of the window.
bool FindEdges(const Window& window, bool smoothed, bool is_counter, Edges* edges) {
  const std::span<const Sample> samples = window.samples();
  if (samples.empty()) return false;
  // The last sample at or before the start, else the first one.
  const size_t after_start = FirstAfter(samples, window.start_time);
  edges->first = after_start > 0 ? after_start - 1 : 0;
  edges->last = samples.size() - 1;
  if (smoothed) {
    // The first sample at or after the end, else the last one.
    const auto at_end = std::ranges::lower_bound(samples, window.end_time, {}, &Sample::t);
    edges->last = std::min(edges->last, static_cast<size_t>(at_end - samples.begin()));
  }
  if (samples[edges->last].t <= window.start_time) return false;
  if (smoothed && samples[edges->first].t > window.end_time) return false;
  edges->left = samples[edges->first].v;
  if (smoothed && samples[edges->first].t < window.start_time) {
    edges->left = Interpolate(samples[edges->first], samples[edges->first + 1], window.start_time,
                              is_counter);
  }
  edges->right = samples[edges->last].v;
  if (smoothed && edges->last > 0 && samples[edges->last].t > window.end_time) {
    edges->right =
        Interpolate(samples[edges->last - 1], samples[edges->last], window.end_time, is_counter);
  }
  return true;
}

// The samples strictly between the edges.
std::span<const Sample> Inside(const Window& window, const Edges& edges) {
  const std::span<const Sample> samples = window.samples();
  const size_t begin = edges.first + (samples[edges.first].t <= window.start_time ? 1 : 0);
  const size_t end = edges.last + (samples[edges.last].t >= window.end_time ? 0 : 1);
  return begin < end ? samples.subspan(begin, end - begin) : std::span<const Sample>();
}

}  // namespace

double Interpolate(const Sample& before, const Sample& after, Millis t, bool is_counter) {
  const double from = is_counter && after.v < before.v ? 0 : before.v;
  return from + (after.v - from) * static_cast<double>(t - before.t) /
                    static_cast<double>(after.t - before.t);
}

double SmoothedValue(std::span<const Sample> samples, Millis time, Millis lookback) {
  const auto it = std::ranges::lower_bound(samples, time, {}, &Sample::t);
  const bool has_next = it != samples.end() && it->t <= time + lookback;
  if (has_next && it->t == time) return it->v;
  if (it == samples.begin() || (it - 1)->t <= time - lookback) return Absent();
  const Sample& before = *(it - 1);
  return has_next ? Interpolate(before, *it, time, /*is_counter=*/false) : before.v;
}

HistogramResult SmoothedHistogram(std::span<const HistogramSample> histograms, Millis time,
                                  Millis lookback) {
  const auto it = std::ranges::lower_bound(histograms, time, {}, &HistogramSample::t);
  const bool has_next = it != histograms.end() && it->t <= time + lookback;
  if (has_next && it->t == time) return {it->histogram, {}};
  if (it == histograms.begin() || (it - 1)->t <= time - lookback) return {};
  const HistogramSample& before = *(it - 1);
  if (has_next) {
    if (before.histogram->custom_buckets() != it->histogram->custom_buckets()) {
      return {nullptr, {HistogramNote::kMixedSchemas}};
    }
    const bool gauge = before.histogram->counter_reset == CounterResetHint::kGauge &&
                       it->histogram->counter_reset == CounterResetHint::kGauge;
    return InterpolatedHistogram(before, *it, time, /*counter=*/!gauge);
  }
  // What is known about resets concerns the sample, not the value that is carried on.
  NativeHistogram carried = *before.histogram;
  carried.counter_reset = CounterResetHint::kUnknown;
  return {std::make_shared<const NativeHistogram>(std::move(carried)), {}};
}

double ExtendedFloatRate::operator()(const Window& window) const {
  Edges edges;
  if (!FindEdges(window, smoothed, is_counter, &edges)) return Absent();
  double result = edges.right - edges.left;
  if (is_counter) {
    double previous = edges.left;
    double correction = 0;
    for (const Sample& sample : Inside(window, edges)) {
      if (sample.v < previous) correction += previous;
      previous = sample.v;
    }
    if (edges.right < previous) correction += previous;
    result += correction;
  }
  if (per_second) result /= static_cast<double>(window.end_time - window.start_time) / 1000;
  return result;
}

std::vector<Sample> ExtendToEdges(const Window& window, bool smoothed) {
  Edges edges;
  if (!FindEdges(window, smoothed, /*is_counter=*/false, &edges)) return {};
  std::vector<Sample> samples;
  samples.push_back({window.start_time, edges.left});
  for (const Sample& sample : Inside(window, edges)) samples.push_back(sample);
  samples.push_back({window.end_time, edges.right});
  return samples;
}

}  // namespace tocsin::promql
