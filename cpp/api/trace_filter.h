/// Part of a trace: the spans that a filter selects, and as much of their surroundings as is asked
/// for.

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/ast.h"

namespace tocsin::api {

/// Levels without end.
inline constexpr int64_t kAllLevels = -1;

struct SpanFilter {
  traceql::Spanset matches;  ///< Of kind kFilter.
  /// Levels of ancestors and of descendants that are kept with each span that matches.
  int64_t ancestors = 0;
  int64_t descendants = 0;
};

/// The one spanset filter that `query` has to be: kInvalidArgument for a pipeline, an operator
/// between spansets, a metrics query, and fields of the trace as a whole or of a span's parent.
Result<traceql::Spanset> SpanFilterOf(const traceql::Query& query);

/// The rows that remain, in their order. REQUIRES: all rows are of one trace.
Result<SpanBatch> FilterSpans(std::shared_ptr<const SpanBatch> trace, const SpanFilter& filter);

}  // namespace tocsin::api
