/// Whether what is kept to spare readers the rows of a segment, its counts and its value filter, is
/// what the rows give. For the doctor.

#pragma once

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "storage/spans/segment_columns.h"

namespace tocsin::storage {

/// `rows`: all of the segment's. kCorruption says what is wrong.
Status CheckShortcuts(const SegmentColumns& columns, const SpanBatch& rows);

}  // namespace tocsin::storage
