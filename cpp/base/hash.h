/// Hashes for tables and for recognising a repeated request. Not for anything that an adversary
/// gains by colliding: keep probe lengths bounded where keys come from outside.

#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tocsin {

inline uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
inline uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct Hash128Value {
  uint64_t low = 0;
  uint64_t high = 0;
  friend auto operator<=>(const Hash128Value&, const Hash128Value&) = default;
};

inline Hash128Value Hash128(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

/// For std::unordered_map<std::string, T, StringHash, std::equal_to<>>: look-ups by string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return Hash64(text); }
};

}  // namespace tocsin
