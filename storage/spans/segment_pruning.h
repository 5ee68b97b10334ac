/// What a segment's footer can exclude without reading a column. Private to storage/spans.

#pragma once

#include "cpp/traceql/ast.h"
#include "storage/spans/segment_format.h"

namespace tocsin::storage {

/// As traceql::SpanBlock::MayMatch has it.
bool FooterMayMatch(const SegmentFooter& footer, const traceql::Field& field, traceql::Op op,
                    const traceql::Literal& literal);

}  // namespace tocsin::storage
