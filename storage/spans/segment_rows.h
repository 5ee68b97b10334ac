/// Reads whole rows of a segment back into a batch. Private to storage/spans.

#pragma once

#include <cstdint>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "storage/spans/segment_columns.h"

namespace tocsin::storage {

/// Rows [first, last), exactly as they were received. Of attribute columns only those that the rows
/// use are decoded. REQUIRES: first <= last <= columns.rows().
Result<SpanBatch> ReadSegmentRows(const SegmentColumns& columns, uint32_t first, uint32_t last);

}  // namespace tocsin::storage
