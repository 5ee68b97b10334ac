/// Trace and span ids, as numbers: big-endian, so that numeric order is the order of their bytes
/// and of their hexadecimal text.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin {

/// 16 bytes. All zero is invalid on the wire (W3C Trace Context).
struct TraceId {
  uint64_t high = 0;
  uint64_t low = 0;

  bool IsZero() const { return (high | low) == 0; }
  /// 32 lower-case hexadecimal digits.
  std::string ToHex() const;
  /// The 16 bytes as they are on the wire.
  std::string ToBytes() const;

  /// REQUIRES: bytes points at 16 bytes.
  static TraceId FromBytes(const char* bytes);
  /// 1 to 32 hexadecimal digits of either case, padded with zeros on the left; nullopt otherwise.
  static std::optional<TraceId> FromHex(std::string_view hex);

  friend auto operator<=>(const TraceId&, const TraceId&) = default;
};

/// 8 bytes; 0 is "no span" (the parent of a root).
using SpanId = uint64_t;

/// 16 lower-case hexadecimal digits.
std::string SpanIdToHex(SpanId id);
std::string SpanIdToBytes(SpanId id);
/// REQUIRES: bytes points at 8 bytes.
SpanId SpanIdFromBytes(const char* bytes);

/// Trace ids are random as a rule but a client may choose them, so the bits are mixed.
struct TraceIdHash {
  size_t operator()(const TraceId& id) const {
    uint64_t x = id.high ^ (id.low * 0x9e3779b97f4a7c15U);
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93U;
    x ^= x >> 32;
    return x;
  }
};

}  // namespace tocsin
