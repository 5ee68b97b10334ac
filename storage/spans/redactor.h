/// What readers do with a redaction that is not carried out yet. Pure functions; `list` is what
/// holds for the segment that the rows are of.

#pragma once

#include <cstdint>
#include <string_view>

#include "cpp/model/span_batch.h"
#include "cpp/traceql/source.h"
#include "storage/spans/redactions.h"

namespace tocsin::storage {

/// Whether some row may have lost this attribute.
bool IsRedacted(const SegmentRedactions& list, AttrScope scope, std::string_view key);

/// The column of the attribute without what is redacted. Values that no row has any more are not in
/// it.
traceql::Column RedactColumn(const traceql::Column& column, const SegmentRedactions& list,
                             AttrScope scope, std::string_view key);

/// Rows of the segment from `first` on, without what is redacted, nowhere in the batch.
SpanBatch RedactRows(const SpanBatch& rows, uint32_t first, const SegmentRedactions& list);

}  // namespace tocsin::storage
