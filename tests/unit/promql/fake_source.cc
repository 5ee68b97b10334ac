#include "tests/unit/promql/fake_source.h"

#include <algorithm>
#include <utility>

namespace tocsin::promql {

Result<std::vector<SeriesData>> FakeSource::Select(std::span<const Matcher> matchers, Millis from,
                                                   Millis to) const {
  std::vector<SeriesData> result;
  for (const auto& [labels, series] : series_) {
    const bool matches = std::ranges::all_of(matchers, [&labels = labels](const Matcher& matcher) {
      return matcher.Matches(labels.Get(matcher.name));
    });
    if (!matches) continue;
    for (const Millis t : series.native) {
      if (t >= from && t <= to) touched_native = true;
    }
    SeriesData data{.labels = labels};
    for (auto it = series.samples.lower_bound(from); it != series.samples.end() && it->first <= to;
         ++it) {
      data.samples.push_back({it->first, it->second});
    }
    if (!data.samples.empty()) result.push_back(std::move(data));
  }
  return result;
}

}  // namespace tocsin::promql
