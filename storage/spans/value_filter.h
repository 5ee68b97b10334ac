/// Which values the rows of a segment have that its footer does not list: a Bloom filter over
/// hashes of (scope, key, type, value), cut into pages so that a look-up reads one of them, a few
/// KiB, however large the segment is. Private to storage/spans. Byte layout: storage/FORMAT.md,
/// "Value filter".

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/model/span_batch.h"

namespace tocsin::storage {

/// The values of one key, each as the number that the filter knows it by. On disk: never change.
class ValueHasher {
 public:
  ValueHasher(AttrScope scope, ValueType type, std::string_view key);
  /// Of the names of spans.
  static ValueHasher OfNames() { return ValueHasher(kNamesSeed); }

  uint64_t Text(std::string_view text) const;
  uint64_t Number(uint64_t bits) const;
  /// Stands for all values of the key that are of other types.
  uint64_t OtherTypes() const;
  /// Stands for the key in that scope, whatever its type.
  static uint64_t Key(AttrScope scope, std::string_view key);

 private:
  explicit ValueHasher(uint64_t seed) : seed_(seed) {}
  static constexpr uint64_t kNamesSeed = 0x746e616d65730000U;

  uint64_t seed_;
};

/// Whether the filter covers the values of a column of this type that has no list of them.
inline bool FilterCovers(ValueType type) {
  return type == ValueType::kString || type == ValueType::kInt;
}

/// The pages, at least one. `hashes` in any order; what stands there twice takes room twice.
std::vector<std::string> BuildValueFilter(std::span<const uint64_t> hashes);

/// The page that tells of the hash. REQUIRES: pages > 0.
inline uint32_t FilterPageOf(uint64_t hash, uint32_t pages) {
  return static_cast<uint32_t>((hash >> 32) * pages >> 32);
}
/// False only if the hash is not among those that the page was built from.
bool FilterPageMayContain(std::string_view page, uint64_t hash);

}  // namespace tocsin::storage
