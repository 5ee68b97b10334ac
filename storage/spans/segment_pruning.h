/// Whether a condition can hold for a row of a segment, told by the footer and the value filter. Of
/// what is in neither nothing is excluded. Private to storage/spans.

#pragma once

#include "cpp/base/status.h"
#include "cpp/traceql/source.h"
#include "storage/spans/segment_columns.h"

namespace tocsin::storage {

/// As SpanBlock::MayMatch. The error is that of a value filter that cannot be read.
Result<bool> MayMatchSegment(const SegmentColumns& columns, const traceql::Field& field,
                             traceql::Op op, const traceql::Literal& literal);

}  // namespace tocsin::storage
