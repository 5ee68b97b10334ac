/// Which traces there are: the ids of all that satisfy a query, not only the newest of them. For
/// whoever goes through traces one by one: export, deletion by selector.

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

struct TraceListOptions {
  /// Unix nanoseconds, both included, as SearchOptions has them: a trace is listed if one of the
  /// spans that satisfy the query overlaps the range.
  uint64_t start = 0;
  uint64_t end = UINT64_MAX;
  /// Asked now and then; what is not OK ends the listing. May be empty.
  std::function<Status()> interrupted = {};
};

/// Each id once, in the order in which traces are read cheaply: block by block, in a block as its
/// traces lie. `query` null: every trace with a span in the range, without reading any. A block
/// that is damaged is passed over. Memory: some 50 bytes a trace that is listed, and one block.
Result<std::vector<TraceId>> ListTraces(const SpanView& view, const Query* query,
                                        const TraceListOptions& options);

}  // namespace tocsin::traceql
