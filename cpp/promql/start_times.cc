#include "cpp/promql/start_times.h"

#include <algorithm>

#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {

Millis StartAt(std::span<const StartTime> starts, Millis t) {
  const auto it = std::ranges::upper_bound(starts, t, {}, &StartTime::from);
  return it == starts.begin() ? 0 : (it - 1)->start;
}

size_t CountStartOverlaps(const RangeSamples& range, const WindowGrid& grid) {
  if (range.starts.empty()) return 0;
  std::vector<size_t> overlaps;  // The later sample of each pair.
  for (size_t i = 1; i < range.samples.size(); ++i) {
    if (IsStartTimeOverlap(range.starts[i - 1], range.samples[i - 1].t, range.starts[i])) {
      overlaps.push_back(i);
    }
  }
  size_t windows = 0;
  if (overlaps.empty()) return windows;
  ForEachWindow(range.samples, grid, [&](const Window& window) {
    const auto it = std::ranges::upper_bound(overlaps, window.begin);
    if (it != overlaps.end() && *it < window.end) ++windows;
  });
  return windows;
}

}  // namespace tocsin::promql
