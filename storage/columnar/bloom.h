/// A Bloom filter over 64-bit hashes: about ten bits and seven probes an entry, wrong once in a
/// hundred. Byte layout: storage/FORMAT.md, "Bloom filter".

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tocsin::storage {

std::string BuildBloom(std::span<const uint64_t> hashes);

/// False only if the hash is not among those the filter was built from. Bytes that are no filter
/// answer true.
bool BloomMayContain(std::string_view filter, uint64_t hash);

}  // namespace tocsin::storage
