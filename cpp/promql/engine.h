/// PromQL queries over a SeriesSource.
///
/// Error codes, for whoever maps them to an API:
///   - kInvalidArgument: the query does not parse, or a parameter is wrong (Prometheus: bad_data,
///     400);
///   - kFailedPrecondition: the query fails on the data, e.g. many-to-many matching (execution,
///     422);
///   - kResourceExhausted: more samples than max_samples at one time (execution, 422);
///   - kDeadlineExceeded: it ran longer than the timeout (timeout, 503);
///   - kCancelled: the caller asked it to stop (canceled, 503).
/// Errors of the source come through as they are.

#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/source.h"
#include "cpp/promql/trace_selector.h"
#include "cpp/promql/value.h"

namespace tocsin::promql {

struct EngineOptions {
  /// How far back an instant selector looks for the last sample; the left end is not included.
  Millis lookback = 5 * kMinute / kMillisecond;
  /// Values that a query may hold in memory at one time.
  size_t max_samples = 50'000'000;
  Nanos timeout = 2 * kMinute;
  /// The step of a subquery that names none: the global evaluation interval.
  Millis default_subquery_step = kMinute / kMillisecond;
  /// Metric names are dropped from the result, not by the function that drops them
  /// (promql-delayed-name-removal).
  bool delayed_name_removal = false;
  /// rate, increase, irate and resets see a reset where the start timestamp says so, and
  /// start_timestamp() has results (use-start-timestamps).
  bool use_start_timestamps = false;
  /// rate and increase judge by the label __type__, not by its name, whether a series is a counter
  /// (type-and-unit-labels).
  bool type_and_unit_labels = false;
  ParserOptions parser;
  /// Answers traceql(); borrowed. Null: such a query fails with kFailedPrecondition.
  const TraceSelector* traces = nullptr;
  /// What the values of all queries may take together; borrowed. Null: no bound.
  MemoryPool* memory = nullptr;
};

/// What differs from query to query.
struct QueryOptions {
  Millis lookback = 0;  ///< 0: the engine's.
  Nanos timeout = 0;    ///< 0: the engine's. The smaller one counts.
  std::stop_token cancel;
  /// Asked now and then, for traceql() perhaps by several threads at once; an error ends the query
  /// with it. May be empty.
  std::function<Status()> interrupted;
  /// Samples are counted for QueryResult.stats, which costs some time...
  bool stats = false;
  /// ...and for each step as well.
  bool per_step_stats = false;
};

struct TimeRange {
  Millis start = 0;
  Millis end = 0;  ///< Included if it is a whole number of steps from start.
  Millis step = 0;
};

/// Thread-safe: holds nothing but its options.
class Engine {
 public:
  /// The clock is borrowed; it measures the timeout only.
  explicit Engine(EngineOptions options, const Clock& clock = Clock::Real())
      : options_(options), clock_(clock) {}

  const EngineOptions& options() const { return options_; }

  /// The value at `t`: a scalar, a string, a vector or a matrix, as the expression has it.
  Result<QueryResult> Query(std::string_view query, const SeriesSource& source, Millis t,
                            const QueryOptions& options = {}) const;
  /// Of a tree that was parsed before; `query` is its text, for the positions in annotations.
  Result<QueryResult> QueryParsed(const Expr& expr, std::string_view query,
                                  const SeriesSource& source, Millis t,
                                  const QueryOptions& options = {}) const;

  /// A matrix with the values at start, start + step, ... of a scalar or an instant vector.
  /// kInvalidArgument for other types, a step that is not positive, an end before the start.
  Result<QueryResult> QueryRange(std::string_view query, const SeriesSource& source,
                                 const TimeRange& range, const QueryOptions& options = {}) const;

 private:
  const EngineOptions options_;
  const Clock& clock_;
};

}  // namespace tocsin::promql
