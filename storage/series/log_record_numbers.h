/// What the two sides of the sample log's records share; private to them.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tocsin::storage {

/// The first byte of a record of version 2.
enum LogRecordKind : uint8_t { kBatch = 0, kDeletion = 1, kTally = 2 };

/// 2^53: beyond it integers are not exact.
inline constexpr double kMostInteger = 9007199254740992.0;

/// The value with these bits as an integer; false if it is none, or not exact.
inline bool AsInteger(uint64_t bits, int64_t* out) {
  const auto value = std::bit_cast<double>(bits);
  if (!(std::fabs(value) <= kMostInteger)) return false;
  *out = static_cast<int64_t>(value);
  return std::bit_cast<uint64_t>(static_cast<double>(*out)) == bits;
}

inline uint64_t ReverseBytes(uint64_t value) {
  value = ((value & 0x00ff00ff00ff00ffU) << 8) | ((value >> 8) & 0x00ff00ff00ff00ffU);
  value = ((value & 0x0000ffff0000ffffU) << 16) | ((value >> 16) & 0x0000ffff0000ffffU);
  return value << 32 | value >> 32;
}

}  // namespace tocsin::storage
