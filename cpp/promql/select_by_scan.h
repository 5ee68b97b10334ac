/// SeriesSource::Select for sources that are at home in Scan.

#pragma once

#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/source.h"

namespace tocsin::promql {

/// A copy of everything that `source.Scan(request, ...)` shows.
inline Result<std::vector<SeriesData>> SelectByScan(const SeriesSource& source,
                                                    const SeriesRequest& request) {
  std::vector<SeriesData> all;
  TOCSIN_RETURN_IF_ERROR(source.Scan(request, [&all](const SeriesView& view) {
    std::vector<Labels::Pair> pairs;
    for (const auto& [name, value] : view.labels) pairs.emplace_back(name, value);
    SeriesData& data = all.emplace_back();
    data.labels = Labels(std::move(pairs));
    data.samples.assign(view.samples.begin(), view.samples.end());
    data.histograms.assign(view.histograms.begin(), view.histograms.end());
    data.starts.assign(view.starts.begin(), view.starts.end());
    return Status();
  }));
  return all;
}

}  // namespace tocsin::promql
