/// Names of the store's files, and small things that its parts share; private to it.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cpp/model/ports.h"
#include "storage/series/chunk.h"

namespace tocsin::storage {

/// Of one series; more is refused.
inline constexpr size_t kMaxLabels = 10'000;

inline std::string SnapshotPath(const std::string& directory) {
  return directory + "/head.snapshot";
}
inline std::string MetadataPath(const std::string& directory) { return directory + "/metadata"; }

inline Point PointOf(const RefSample& item) {
  return {item.sample.t, item.sample.v, nullptr, item.start};
}
inline Point PointOf(const RefHistogram& item) {
  return {item.sample.t, 0, item.sample.histogram, item.start};
}

/// Calls `visit` with the index of each sample, and of each histogram counted on behind the last
/// sample: as they stand, or where there are both by time, so that a series that has both gets them
/// in order.
template <class Visit>
void ForEachIndexInOrder(std::span<const RefSample> samples,
                         std::span<const RefHistogram> histograms, Visit visit) {
  const size_t count = samples.size() + histograms.size();
  if (samples.empty() || histograms.empty()) {
    for (size_t i = 0; i < count; ++i) visit(i);
    return;
  }
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](size_t i) {
    return i < samples.size() ? samples[i].sample.t : histograms[i - samples.size()].sample.t;
  });
  for (const size_t i : order) visit(i);
}

/// The same with series and point.
template <class Visit>
void ForEachInOrder(std::span<const RefSample> samples, std::span<const RefHistogram> histograms,
                    Visit visit) {
  ForEachIndexInOrder(samples, histograms, [&](size_t i) {
    if (i < samples.size()) {
      visit(samples[i].series, PointOf(samples[i]));
    } else {
      visit(histograms[i - samples.size()].series, PointOf(histograms[i - samples.size()]));
    }
  });
}

}  // namespace tocsin::storage
