/// What a store says of the next sample of a series, for those that only stand in for one: tests of
/// rules, and backtests.

#pragma once

#include <optional>

#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/model/ports.h"

namespace tocsin::rules {

class NewestSample {
 public:
  /// Whether the sample is to be kept: it is newer than every one before. `outcome` counts it, or
  /// says, with `labels`, why not: the same again is no fault, another value at the same time is
  /// one, and so is whatever is older. A store with an out-of-order window may take such a one.
  bool Take(const Sample& sample, const Labels& labels, AppendOutcome* outcome);
  bool Take(const HistogramSample& sample, const Labels& labels, AppendOutcome* outcome);

 private:
  struct Point {
    Millis t = 0;
    double value = 0;
    HistogramPtr histogram = {};  ///< If set, this is the value.
  };

  static bool SameValue(const Point& a, const Point& b);
  bool Take(Point point, const Labels& labels, AppendOutcome* outcome);

  std::optional<Point> newest_;
};

}  // namespace tocsin::rules
