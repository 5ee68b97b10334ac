/// `metric{label="value"} 1 2+3x4 _ stale {{sum:5 count:2 buckets:[1 1]}}`: series as Prometheus's
/// test scripts, rule tests and tocsin.testing write them.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"

namespace tocsin::promql {

/// More values than this are refused: `0x9999999999` is a mistake.
inline constexpr size_t kMaxNotedValues = 10'000'000;

/// A value, or that there is none at that time.
struct NotedValue {
  bool blank = false;
  double value = 0;
  HistogramPtr histogram = {};  ///< If set, this is the value.
  /// The notation says what is known about counter resets; else any hint is as good.
  bool has_hint = false;
};

struct NotedSeries {
  Labels labels;
  std::vector<NotedValue> values;
};

/// Items: a number, `stale`, `_` for none, or a histogram in double braces; `AxN` for it and N
/// more,
/// `_xN` for N blanks, `A+BxN` and `A-BxN` for A and N more that grow by B or shrink by it.
/// kInvalidArgument, with line and column, for anything else.
Result<NotedSeries> ParseSeriesNotation(std::string_view line);

/// Start times of the samples of one series, relative to these, in milliseconds.
struct NotedStarts {
  Labels labels;
  std::vector<std::optional<Millis>> offsets;
};

/// The line is one of start times: `metric{label="value"}@st -1m -1m+15sx3 _`.
bool IsStartNotation(std::string_view line);

/// Items as of ParseSeriesNotation, but durations with an optional sign.
Result<NotedStarts> ParseStartNotation(std::string_view line);

/// What ParseSeriesNotation reads back as the same histogram, empty buckets at its ends aside.
std::string HistogramNotation(const NativeHistogram& histogram);

}  // namespace tocsin::promql
