/// Start timestamps of samples, which sources keep in runs.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/range_functions.h"
#include "cpp/promql/source.h"
#include "cpp/promql/windows.h"

namespace tocsin::promql {

/// The start time of a sample at `t`, 0 if it is not known.
Millis StartAt(std::span<const StartTime> starts, Millis t);

/// The start time of each sample, which ascend by time. Reuses the memory of `out`.
template <class AnySample>
void ExpandStarts(std::span<const StartTime> starts, std::span<const AnySample> samples,
                  std::vector<Millis>* out) {
  out->clear();
  size_t next = 0;
  for (const AnySample& sample : samples) {
    while (next < starts.size() && starts[next].from <= sample.t) ++next;
    out->push_back(next == 0 ? 0 : starts[next - 1].start);
  }
}

/// In how many windows a sample has a start time that overlaps what was counted before it.
size_t CountStartOverlaps(const RangeSamples& range, const WindowGrid& grid);

}  // namespace tocsin::promql
