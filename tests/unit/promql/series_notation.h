/// `metric{label="value"} 1 2+3x4 _ stale`: series as the test scripts write them.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin::promql {

struct Point {
  enum class Kind : uint8_t { kBlank, kFloat, kNative };

  Kind kind = Kind::kBlank;
  double value = 0;
};

struct NotedSeries {
  Labels labels;
  std::vector<Point> points;
};

Result<NotedSeries> ParseSeriesNotation(std::string_view line);

}  // namespace tocsin::promql
