/// SpanBatch <-> bytes, for the live log: the columns as they lie in memory, compressed with LZ4
/// and checksummed. Byte layout: storage/FORMAT.md, "Batch".

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"

namespace tocsin::storage {

/// Every field of the batch, `wire_size` included.
/// REQUIRES: less than 1 GiB of columns.
std::string EncodeBatch(const SpanBatch& batch);

/// The batch, equal in every field. All of its indices are valid: every StringId, range, key,
/// resource and scope reference is checked here once, so that a decoded batch is safe to use
/// whatever the bytes were. kCorruption otherwise.
Result<SpanBatch> DecodeBatch(std::string_view bytes);

}  // namespace tocsin::storage
