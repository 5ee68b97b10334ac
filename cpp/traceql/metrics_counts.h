/// Which metrics functions can be answered from counted rows (CountedRows), and how.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpp/traceql/ast.h"
#include "cpp/traceql/metrics_intervals.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// What counted rows must tell of.
enum class CountDetail : uint8_t {
  kCounts,
  kDurations,
  kRows,  ///< Counts do not do.
};

/// REQUIRES: a function.
CountDetail DetailFor(const SeriesExpr& function);

/// Cells of counted rows that lie in an interval.
struct PlacedCells {
  std::vector<uint32_t> rows;  ///< Of CountedRows::spans.
  std::vector<uint32_t> intervals;
  std::vector<double> counts;
  // The least and the greatest start that a row of the cell can have.
  std::vector<uint64_t> first;
  std::vector<uint64_t> last;
};

/// The cells whose rows start in [from(), to()]. Nothing if an interval begins or ends within the
/// time of a cell. `block`: whose rows they are.
std::optional<PlacedCells> PlaceCells(const CountedRows& counted, const SpanBlock& block,
                                      const MetricsIntervals& intervals);

}  // namespace tocsin::traceql
