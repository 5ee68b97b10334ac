/// Which rows of a block count as not there because the same span stands in an earlier row, and
/// what follows from hidden rows for the parents of the others. Pure functions.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/bitmap.h"

namespace tocsin::storage {

/// What identifies the rows of a block. All of the same length.
struct RowKeys {
  std::span<const uint32_t> trace_of_row;
  std::span<const SpanId> span_ids;
  std::span<const uint64_t> starts;
  std::span<const uint64_t> ends;
  std::span<const SpanKind> kinds;
};

/// The rows that repeat an earlier row that is not in `hidden` (null: none): same trace, span id,
/// start, end and kind. Null if there are none.
std::shared_ptr<const traceql::Bitmap> DuplicateRows(const RowKeys& keys,
                                                     const traceql::Bitmap* hidden);

/// Of each row the row of its parent among those that are not in `hidden` (null: none), as
/// traceql::SpanBlock::ParentRows has them: of several rows with the parent's id the first by
/// (start, span id, end, row).
std::vector<uint32_t> FindParentRows(const RowKeys& keys, std::span<const SpanId> parents,
                                     const traceql::Bitmap* hidden);

}  // namespace tocsin::storage
