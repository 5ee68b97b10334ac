/// sum, avg, count, group, min, max, stddev and stdvar: aggregations that need to see each series
/// only once, so that series can be forgotten as they come.

#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "cpp/promql/annotations.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/source.h"
#include "cpp/promql/step_vector.h"

namespace tocsin::promql {

class GroupAggregator {
 public:
  static bool Handles(AggregateOp op);

  /// REQUIRES: Handles(node.op). What is passed is borrowed.
  static std::unique_ptr<GroupAggregator> Make(const Aggregate& node, size_t step_count,
                                               Annotations* annotations);
  virtual ~GroupAggregator() = default;

  /// Takes the values of a series from step `first` on. The order in which series come is that in
  /// which they are summed up.
  virtual void Add(std::span<const LabelView> labels, bool drop_name, const StepRow& row,
                   size_t first) = 0;
  void Add(const StepSeries& series);

  virtual size_t group_count() const = 0;

  /// One series for each group, in the order in which the groups came. Call it once.
  virtual StepVector Finish() = 0;
};

/// The key by which series are grouped; count_values adds its label to `by`.
LabelKeys GroupingKeys(const Aggregate& node, std::string_view count_values_label = {});

}  // namespace tocsin::promql
