#include "cpp/wire/proto_reader.h"

#include <bit>

namespace tocsin::wire {

static_assert(std::endian::native == std::endian::little, "fixed fields are copied as they are");

namespace internal {

const char* ReadLongVarint(const char* p, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (p == end) return nullptr;
    const auto byte = static_cast<uint8_t>(*p++);
    result |= uint64_t{byte & 0x7fU} << shift;  // The tenth byte has one bit of room.
    if (byte < 0x80) {
      *value = result;
      return p;
    }
  }
  return nullptr;
}

const char* ReadLongTag(const char* p, const char* end, uint32_t* tag) {
  uint32_t result = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (p == end) return nullptr;
    const auto byte = static_cast<uint8_t>(*p++);
    result |= uint32_t{byte & 0x7fU} << shift;
    if (byte < 0x80) {
      *tag = result;
      return p;
    }
  }
  return nullptr;
}

const char* ReadLongLength(const char* p, const char* end, std::string_view* bytes) {
  uint64_t size = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (p == end) return nullptr;
    const auto byte = static_cast<uint8_t>(*p++);
    size |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) {
      if (size > static_cast<uint64_t>(end - p)) return nullptr;
      *bytes = {p, size};
      return p + size;
    }
  }
  return nullptr;
}

}  // namespace internal

const char* SkipField(const char* p, const char* end, uint32_t tag, int depth) {
  if (tag >> 3 == 0) return nullptr;
  switch (static_cast<WireType>(tag & 7)) {
    case WireType::kVarint: {
      uint64_t ignored;
      return ReadVarint(p, end, &ignored);
    }
    case WireType::kFixed64:
      return end - p < 8 ? nullptr : p + 8;
    case WireType::kBytes: {
      std::string_view ignored;
      return ReadBytes(p, end, &ignored);
    }
    case WireType::kGroupBegin: {
      if (depth <= 0) return nullptr;
      const uint32_t end_tag = tag + 1;  // The same field number, kGroupEnd.
      for (uint32_t inner = 0; p != nullptr;) {
        p = ReadTag(p, end, &inner);
        if (p == nullptr || inner == end_tag) return p;
        p = SkipField(p, end, inner, depth - 1);
      }
      return nullptr;
    }
    case WireType::kFixed32:
      return end - p < 4 ? nullptr : p + 4;
    case WireType::kGroupEnd:
      return nullptr;
  }
  return nullptr;
}

}  // namespace tocsin::wire
