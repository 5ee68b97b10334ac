/// Series in memory: what tocsin.testing and test scripts query.

#pragma once

#include <map>
#include <shared_mutex>
#include <span>
#include <vector>

#include "cpp/promql/source.h"

namespace tocsin::promql {

/// A float or a histogram at a time.
struct TimedValue {
  Millis t = 0;
  double value = 0;
  HistogramPtr histogram = {};  ///< If set, this is the value.
  Millis start = 0;             ///< Since when the counter counts; 0: not known.
};

/// Thread-safe. A query sees all of a call of Add or nothing.
class MemorySource : public SeriesSource {
 public:
  /// Adds values in any order; one at the time of an earlier one replaces it. Histograms come out
  /// with the hints that a store gives them: kNotReset behind one that they continue, else
  /// kUnknown, and gauges as gauges.
  void Add(const Labels& labels, std::span<const TimedValue> values);
  void Clear();

  Result<std::vector<SeriesData>> Select(std::span<const Matcher> matchers, Millis from,
                                         Millis to) const override;
  Status Scan(const SeriesRequest& request, const Scanner& scanner) const override;

 private:
  struct Series {
    std::map<Millis, TimedValue> values;
    SeriesData data;  // The same as queries see it.
  };

  mutable std::shared_mutex mutex_;
  std::map<Labels, Series> series_;
};

}  // namespace tocsin::promql
