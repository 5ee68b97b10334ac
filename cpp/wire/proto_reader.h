/// The protobuf wire format, read in place: functions that take the rest of a message, [p, end),
/// read one thing off its front and return what is left, or null if the bytes are malformed.
///
/// What is accepted is exactly what protobuf's own C++ parser (3.21) accepts, down to its
/// leniencies: a varint may be padded, up to ten bytes, and bits beyond the type are dropped; a tag
/// or a length has at most five bytes. tests/fuzz/otlp_fuzz.cc holds the decoders to that.

#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tocsin::wire {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

/// Messages and groups may be nested this deep below the outermost one, as in protobuf.
inline constexpr int kDepthMax = 100;

/// What stands before each field.
constexpr uint32_t Tag(uint32_t field, WireType type) {
  return field << 3 | static_cast<uint32_t>(type);
}

namespace internal {
const char* ReadLongVarint(const char* p, const char* end, uint64_t* value);
const char* ReadLongTag(const char* p, const char* end, uint32_t* tag);
const char* ReadLongLength(const char* p, const char* end, std::string_view* bytes);
}  // namespace internal

inline const char* ReadVarint(const char* p, const char* end, uint64_t* value) {
  if (p != end && static_cast<uint8_t>(*p) < 0x80) [[likely]] {
    *value = static_cast<uint8_t>(*p);
    return p + 1;
  }
  return internal::ReadLongVarint(p, end, value);
}

inline const char* ReadTag(const char* p, const char* end, uint32_t* tag) {
  if (p != end && static_cast<uint8_t>(*p) < 0x80) [[likely]] {
    *tag = static_cast<uint8_t>(*p);
    return p + 1;
  }
  return internal::ReadLongTag(p, end, tag);
}

/// A length and that many bytes: a string, or a message.
inline const char* ReadBytes(const char* p, const char* end, std::string_view* bytes) {
  if (p != end && static_cast<uint8_t>(*p) < 0x80) [[likely]] {
    const size_t size = static_cast<uint8_t>(*p++);
    if (size > static_cast<size_t>(end - p)) return nullptr;
    *bytes = {p, size};
    return p + size;
  }
  return internal::ReadLongLength(p, end, bytes);
}

inline const char* ReadFixed64(const char* p, const char* end, uint64_t* value) {
  if (end - p < 8) return nullptr;
  std::memcpy(value, p, 8);
  return p + 8;
}

inline const char* ReadFixed32(const char* p, const char* end, uint32_t* value) {
  if (end - p < 4) return nullptr;
  std::memcpy(value, p, 4);
  return p + 4;
}

/// Skips the field whose tag was read last, groups with all that is in them. Null also for tags
/// that no message has: field number 0, the end of a group that did not begin, wire types 6 and 7.
/// `depth` is how many levels of nesting are left.
const char* SkipField(const char* p, const char* end, uint32_t tag, int depth);

}  // namespace tocsin::wire
