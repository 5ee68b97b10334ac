/// What is to be deleted, and the record that makes a deletion over several volumes one step.
/// storage/FORMAT.md, "Deletion record".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"

namespace tocsin::storage {

/// A trace, or some of its spans.
struct TraceDeletion {
  TraceId trace;
  std::vector<SpanId> spans;  ///< Empty: every span.
};

/// The deletion bitmap that a segment is to have.
struct SegmentDeletion {
  uint64_t segment = 0;
  std::string bitmap;  ///< As EncodeDeleted makes it.
};

/// The first byte of the record's key; its number is that of any of the segments.
inline constexpr std::string_view kDeletionPrefix = "x";
std::string DeletionKey(uint64_t segment);
std::string EncodeDeletion(const std::vector<SegmentDeletion>& deletion);
Result<std::vector<SegmentDeletion>> DecodeDeletion(std::string_view frame);

}  // namespace tocsin::storage
