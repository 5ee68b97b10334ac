/// Series in memory, for tests of the engine.

#pragma once

#include <map>
#include <vector>

#include "cpp/promql/source.h"

namespace tocsin::promql {

class FakeSource : public SeriesSource {
 public:
  struct Series {
    std::map<Millis, double> samples;
    std::vector<Millis> native;  ///< Where upstream would have a native histogram.
  };

  Series& operator[](const Labels& labels) { return series_[labels]; }
  void Clear() { series_.clear(); }

  Result<std::vector<SeriesData>> Select(std::span<const Matcher> matchers, Millis from,
                                         Millis to) const override;

  /// A query has asked for a native histogram since the last time that this was set to false.
  mutable bool touched_native = false;

 private:
  std::map<Labels, Series> series_;
};

}  // namespace tocsin::promql
