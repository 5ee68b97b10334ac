/// Where the spans that satisfy a metrics query go.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/block_eval.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/metrics_budget.h"
#include "cpp/traceql/metrics_intervals.h"

namespace tocsin::traceql {

/// Rows of one block that satisfy the query and start in an interval.
struct MetricsRows {
  BlockEval& block;  ///< Of the fields of the sinks, among others. The rows' traces are whole.
  std::span<const uint32_t> rows;
  std::span<const uint32_t> intervals;  ///< One for each of `rows`.
  std::span<const double> weights;      ///< One for each of `rows`; empty: all are 1.
  /// The rows are not spans but stand for `weights` of them (CountedRows): none is an exemplar.
  bool counted = false;
};

/// What all sinks of a query share. Outlives them.
struct MetricsContext {
  const MetricsIntervals& intervals;
  MetricsBudget& budget;
  uint32_t exemplars = 0;
  const std::function<Status()>& interrupted;  ///< As MetricsOptions says.
  bool text_groups = false;                    ///< The same.
};

/// For one thread. The result does not depend on how rows are spread over calls, nor on how they
/// are spread over a sink and its forks.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;

  /// A sink of the same function, in the same pass, without any rows: for another thread, which
  /// has its own `context`. It is used up by Merge before the pass ends.
  virtual std::unique_ptr<MetricsSink> Fork(const MetricsContext& context) const = 0;
  /// Takes all that was added to a fork of this sink.
  Status Merge(MetricsSink* fork) {
    bytes_read_ += fork->bytes_read_;
    return TakeRows(fork);
  }

  /// What the function looks at, for BlockEval::Make.
  virtual std::vector<Field> Fields() const = 0;
  /// kCorruption: the block cannot be read; what was read before may have been added.
  virtual Status Add(const MetricsRows& rows) = 0;
  /// Of spans that were added as counted rows: how soon those that start in the same minutes as
  /// [first, last] are to be given to AddExemplars, lower ones first; nothing if they need not be.
  virtual std::optional<uint64_t> ExemplarRank(uint64_t first, uint64_t last,
                                               uint32_t interval) const {
    (void)first;
    (void)last;
    (void)interval;
    return std::nullopt;
  }
  /// Spans that were added already, as counted rows, and may be exemplars.
  virtual Status AddExemplars(const MetricsRows& rows) {
    (void)rows;
    return {};
  }
  /// Called when all rows were added. True if they must be added once more, all of them.
  virtual bool NeedsMore() { return false; }
  /// In no particular order; series of NaN only may be among them. Exemplars whose value is NaN
  /// get the sample of their series. Called once, at the end.
  virtual Result<std::vector<MetricsSeries>> Finish() = 0;

  /// Of columns that were read for Add.
  uint64_t bytes_read() const { return bytes_read_; }

 protected:
  void CountBytes(uint64_t bytes) { bytes_read_ += bytes; }
  /// REQUIRES: `fork` came from Fork() of this sink.
  virtual Status TakeRows(MetricsSink* fork) = 0;

 private:
  uint64_t bytes_read_ = 0;
};

/// All functions but compare(). `function` outlives the sink.
std::unique_ptr<MetricsSink> MakeFunctionSink(const MetricsFunction& function,
                                              const MetricsContext& context);
/// compare(). `function` outlives the sink.
std::unique_ptr<MetricsSink> MakeCompareSink(const MetricsFunction& function,
                                             const MetricsContext& context);

}  // namespace tocsin::traceql
