/// Which spans the pipeline of a metrics query selects.

#pragma once

#include <cstdint>

#include "cpp/base/status.h"
#include "cpp/traceql/ast.h"
#include "cpp/traceql/bitmap.h"
#include "cpp/traceql/source.h"
#include "cpp/traceql/whole_trace.h"

namespace tocsin::traceql {

/// What a block tells of it.
struct BlockSelection {
  Bitmap exact;     ///< Rows that are selected.
  Bitmap possible;  ///< Rows that may be, of traces that must be read whole to know.
  uint64_t bytes_read = 0;
};
/// `whole_traces_only`: nothing is exact.
Result<BlockSelection> SelectInBlock(const Pipeline& pipeline, const SpanBlock& block,
                                     bool whole_traces_only);

/// The selected rows of a trace. `block` is its BatchBlock.
Result<Bitmap> SelectInTrace(const Pipeline& pipeline, const SpanBlock& block,
                             const WholeTrace& trace);

}  // namespace tocsin::traceql
