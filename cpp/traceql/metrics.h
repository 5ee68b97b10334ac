/// TraceQL metrics: what a query with a metrics function says of the spans of a time range, as
/// series.
///
/// A span counts in the interval that its start lies in, and only if it satisfies the query in its
/// whole trace. Answers are exact, on all data of the range, and repeatable: the same data gives
/// the same answer, whatever blocks it stands in.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/helpers.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// Times at which a query is asked, each time of the spans that start in (t - length, t], where t
/// is first, first + step, ...: windows that may overlap. Nanoseconds.
struct SlidingWindows {
  int64_t first = 0;
  int64_t step = 0;  ///< Above 0 unless count is 1.
  uint32_t count = 1;
  int64_t length = 0;  ///< Above 0.
};

struct MetricsOptions {
  // Unix nanoseconds and nanoseconds. REQUIRES: start < end; step > 0 unless `instant`.
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t step = 0;
  /// One interval: [start, end], both included, whatever `step` is. Otherwise start is rounded down
  /// and end up to a multiple of step, and the intervals are (t - step, t] for every multiple t of
  /// step from start to end.
  bool instant = false;
  /// If set, the members above do not count: a value for each window, the same as if that had been
  /// the only one. A group has no value where it has no span; only what is not grouped is 0 there.
  /// No exemplars. kInvalidArgument for compare(), whose groups are chosen by the whole range.
  std::optional<SlidingWindows> sliding;
  /// Values of by() are text, and those that read alike are one group: `5` and `"5"`. Lists and
  /// empty strings count as absent. Not for compare().
  bool text_groups = false;
  /// At most this many exemplars in all; 0: none. `with(exemplars=...)` in the query wins, up to
  /// kMaxExemplars. An instant query has none.
  uint32_t exemplars = 0;
  /// Series beyond it are left out of the answer, those with the least sums first; 0: no limit.
  uint32_t max_series = 0;
  /// Of the series while they are made. More is kResourceExhausted.
  size_t max_memory = size_t{256} << 20;
  /// What the series of all such queries may take together; borrowed. Null: no bound.
  MemoryPool* memory = nullptr;
  /// Asked before each block and each trace, on any of the threads; what is not OK ends the query.
  /// May be empty.
  std::function<Status()> interrupted;
  Helpers helpers;
};

inline constexpr uint32_t kMaxExemplars = 10'000;
/// Of a range query; more is kInvalidArgument. A day at one second is below it.
inline constexpr uint64_t kMaxMetricsIntervals = 100'000;

/// The spans that a query needs start in [from, to]: what SpanSource::View must be asked for.
struct MetricsWindow {
  uint64_t from = 0;
  uint64_t to = 0;
};
MetricsWindow WindowOf(const MetricsOptions& options);

/// A value as text: `true`, `5`, `0.25`; "" for what no text can show.
std::string LabelText(const Value& value);

struct MetricsLabel {
  std::string name;
  /// Of the type that the spans have. Status, kind and durations are strings, as Tempo writes them.
  Value value;

  friend bool operator==(const MetricsLabel&, const MetricsLabel&) = default;
};

/// A span behind a series.
struct MetricsExemplar {
  std::vector<MetricsLabel> labels;  ///< `trace:id` and `span:id`.
  /// What the function measured of the span (durations in seconds); for functions that only count,
  /// the sample of the series at that time.
  double value = 0;
  int64_t timestamp_ms = 0;  ///< The start of the span.
};

struct MetricsSeries {
  /// In the order of by(), then what the function adds (`p`, `__bucket`). A span that lacks a field
  /// of by() gives no such label; lacking all of them, the first as the string "nil". Without by()
  /// and without anything added: `__name__`, the function.
  std::vector<MetricsLabel> labels;
  /// One for each of MetricsResult::timestamps_ms; NaN where there is no sample. Never all NaN.
  std::vector<double> values;
  std::vector<MetricsExemplar> exemplars;  ///< By time.
};

struct MetricsStats {
  uint64_t inspected_traces = 0;  ///< Read whole.
  uint64_t inspected_spans = 0;   ///< Rows of the blocks that were read.
  uint64_t inspected_bytes = 0;   ///< Of decoded columns that were read.
  uint32_t total_blocks = 0;
  uint32_t inspected_blocks = 0;
};

struct MetricsResult {
  /// The right end of each interval, ascending; of an instant query its end alone.
  std::vector<int64_t> timestamps_ms;
  /// By labels, so that equal answers are equal bytes.
  std::vector<MetricsSeries> series;
  /// Why series are missing; "" if none are. Tempo then calls the answer PARTIAL.
  std::string partial;
  MetricsStats stats;
};

/// kInvalidArgument if the query is no metrics query or the range is none; kResourceExhausted above
/// max_memory; otherwise errors are those of the view and of `interrupted`.
Result<MetricsResult> EvaluateMetrics(const SpanView& view, const Query& query,
                                      const MetricsOptions& options);

}  // namespace tocsin::traceql
