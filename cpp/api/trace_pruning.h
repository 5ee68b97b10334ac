/// A shorter trace: of many spans that are alike one is shown, with how many there were.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/model/span_batch.h"

namespace tocsin::api {

struct PruningOptions {
  /// Patterns of keys (`db.*`, `http.method`): spans that differ in these attributes are not alike.
  std::vector<std::string> group_by = {};
  uint32_t min_spans = 5;        ///< Fewer alike spans stay as they are. At least 2.
  int64_t max_parent_depth = 1;  ///< Levels of parents that may follow their children; -1: all.
};

/// `trace` with each group of alike leaves replaced by one span, as OpenTelemetry's span pruning
/// processor does it. Leaves are alike in name, kind, status, trace state, in the attributes of
/// `group_by`, and in their parents' names. Parents follow, level by level, if all their children
/// were replaced and two or more are alike in name, kind, status and their parents' names.
///
/// The span that stands for a group is its slowest one with a new id (the same every time), the
/// group's time from the first start to the last end, and the attributes aggregation.is_summary,
/// .span_count, .duration_{min,max,avg,total}_ns and .histogram_bucket_{bounds_s,counts}.
///
/// A trace that has such spans already comes back as it is. `*pruned` says whether it changed.
/// REQUIRES: all rows are of one trace.
SpanBatch PruneSpans(SpanBatch trace, const PruningOptions& options, bool* pruned);

}  // namespace tocsin::api
