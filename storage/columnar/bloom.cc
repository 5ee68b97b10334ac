#include "storage/columnar/bloom.h"

#include <algorithm>
#include <cstddef>

namespace tocsin::storage {
namespace {

constexpr size_t kBitsPerEntry = 10;
constexpr int kProbes = 7;

// Calls `probe` with the position of each bit of the hash until it returns false.
template <class Probe>
bool ForEachBit(uint64_t hash, size_t bits, const Probe& probe) {
  const uint64_t step = (hash >> 33) | 1;
  for (int i = 0; i < kProbes; ++i, hash += step) {
    // The upper half of a product spreads the hash over [0, bits) without a division.
    const auto bit = static_cast<size_t>(((hash & 0xffffffffU) * bits) >> 32);
    if (!probe(bit)) return false;
  }
  return true;
}

}  // namespace

std::string BuildBloom(std::span<const uint64_t> hashes) {
  const size_t bytes = std::max<size_t>(8, (hashes.size() * kBitsPerEntry + 7) / 8);
  std::string filter(bytes, '\0');
  for (const uint64_t hash : hashes) {
    ForEachBit(hash, bytes * 8, [&](size_t bit) {
      filter[bit / 8] = static_cast<char>(filter[bit / 8] | (1 << (bit % 8)));
      return true;
    });
  }
  return filter;
}

bool BloomMayContain(std::string_view filter, uint64_t hash) {
  if (filter.empty()) return true;
  return ForEachBit(hash, filter.size() * 8,
                    [&](size_t bit) { return (filter[bit / 8] >> (bit % 8) & 1) != 0; });
}

}  // namespace tocsin::storage
