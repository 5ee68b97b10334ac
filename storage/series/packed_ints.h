/// Short runs of integers that mostly lie close together, each in as few bits as most of them need;
/// the few that need more are patched in. Made to be read fast. Byte layout: storage/FORMAT.md,
/// "Sample chunk".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "storage/columnar/byte_reader.h"

namespace tocsin::storage {

inline constexpr size_t kMaxPacked = 128;

/// REQUIRES: values.size() <= kMaxPacked.
void PutPacked(std::span<const int64_t> values, std::string* out);

/// Fills `values`; fails the reader for bytes that PutPacked cannot have written.
/// REQUIRES: values.size() <= kMaxPacked.
void GetPacked(ByteReader* in, std::span<int64_t> values);

}  // namespace tocsin::storage
