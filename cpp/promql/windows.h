/// Which samples a step looks at: offsets, `@` and ranges as times.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/step_vector.h"

namespace tocsin::promql {

/// The time that a selector refers to at each step: the step's own or that of `@`, less the offset.
struct ReferenceTimes {
  Steps steps;
  std::optional<Millis> fixed;  ///< Of `@`.
  Millis offset = 0;

  Millis At(size_t step) const { return (fixed ? *fixed : steps.At(step)) - offset; }
  Millis first() const { return At(0); }
  Millis last() const { return At(steps.count - 1); }
};

/// The windows of a range selector: at each step the samples in (end - range, end], of which
/// `anchored` takes up to `lookback` more before and `smoothed` more on both sides.
struct WindowGrid {
  ReferenceTimes times;
  Millis range = 0;
  Millis extend_left = 0;
  Millis extend_right = 0;

  Millis End(size_t step) const { return times.At(step); }
  Millis Start(size_t step) const { return End(step) - range; }
  /// Of all samples that any step looks at, both ends included.
  Millis earliest() const { return Start(0) - extend_left + 1; }
  Millis latest() const { return times.last() + extend_right; }
};

/// The samples of a series in the window of one step.
struct Window {
  size_t step = 0;
  std::span<const Sample> all;  ///< Of the whole series.
  size_t begin = 0;             ///< The window is [begin, end) of them.
  size_t end = 0;
  Millis start_time = 0;  ///< Not included.
  Millis end_time = 0;

  bool empty() const { return begin == end; }
  size_t size() const { return end - begin; }
  std::span<const Sample> samples() const { return all.subspan(begin, end - begin); }
  const Sample& front() const { return all[begin]; }
  const Sample& back() const { return all[end - 1]; }
};

/// Calls `visit(const Window&)` for each step, also for empty windows. Ends and begins only move
/// forward, so that all steps together cost one walk over the samples.
template <class Visitor>
void ForEachWindow(std::span<const Sample> samples, const WindowGrid& grid, const Visitor& visit) {
  Window window;
  window.all = samples;
  for (size_t step = 0; step < grid.times.steps.count; ++step) {
    window.step = step;
    window.start_time = grid.Start(step);
    window.end_time = grid.End(step);
    const Millis after = window.start_time - grid.extend_left;
    const Millis up_to = window.end_time + grid.extend_right;
    while (window.end < samples.size() && samples[window.end].t <= up_to) ++window.end;
    while (window.begin < window.end && samples[window.begin].t <= after) ++window.begin;
    visit(window);
  }
}

}  // namespace tocsin::promql
