/// What is kept for each group in each interval while spans are read.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/metrics_budget.h"
#include "cpp/traceql/metrics_intervals.h"

namespace tocsin::traceql {

/// The answer does not depend on the order in which rows are added; of sums not in more than the
/// last digit.
class MetricsCells {
 public:
  enum class Kind : uint8_t { kCount, kMin, kMax, kSum, kAverage };

  MetricsCells(Kind kind, uint32_t intervals, MetricsBudget* budget)
      : kind_(kind), intervals_(intervals), budget_(budget) {}

  /// Makes room for groups below `groups`.
  Status Grow(size_t groups);

  struct Rows {
    std::span<const uint32_t> groups;
    std::span<const uint32_t> intervals;
    std::span<const double> numbers;  ///< Empty for kCount; none is NaN.
    std::span<const double> weights;  ///< Empty: each row counts once.
  };
  /// REQUIRES: room for the groups; intervals in range.
  void Add(const Rows& rows);

  /// Adds what `other`, of the same kind and intervals, has: of its group g to `groups[g]` of this.
  /// REQUIRES: room for the groups.
  void Merge(const MetricsCells& other, std::span<const uint32_t> groups);

  /// Puts in the place of the intervals the windows that are runs of them, once everything was
  /// added. A window of kCount to which nothing was added is NaN then, too.
  Status Slide(const WindowRuns& runs);

  /// NaN if nothing was added; of kCount 0.
  double At(uint32_t group, uint32_t interval) const;

 private:
  size_t width() const;
  bool IsEmpty(const double* cell) const;
  void AddCounts(const Rows& rows);
  template <class Better>
  void AddExtremes(const Rows& rows, Better better);
  void AddSums(const Rows& rows);
  void MergeCell(const double* from, double* to) const;
  void SlideGroup(const WindowRuns& runs, double* cells, std::vector<double>* scratch) const;

  Kind kind_;
  uint32_t intervals_;
  MetricsBudget* budget_;
  // Of each group, width() numbers for each interval. kSum: the sum, and what its rounding lost.
  // kAverage: then the weight. All of them NaN while nothing was added, but for kCount.
  std::vector<std::unique_ptr<double[]>> cells_;
};

}  // namespace tocsin::traceql
