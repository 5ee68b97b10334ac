/// Walking over the fields of a protobuf message, for decoders that name the byte they fail at.

#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/wire/proto_reader.h"

namespace tocsin::wire {

/// What is wrong with bytes, and where; `at` is null as long as nothing is.
struct WireError {
  const char* at = nullptr;
  const char* what = nullptr;

  /// Notes the first error. Returns false, for `return error->Set(...)`.
  bool Set(const char* where, const char* why) {
    if (at == nullptr) *this = {where, why};
    return false;
  }
};

inline constexpr const char* kMalformedField = "a field is malformed or cut short";

/// Calls `field(tag, p, end)` for each field of `message`; it returns what is left behind the
/// field, or null where that is malformed. False, with `*error` set, for the first such place,
/// unless `field` has set it more precisely.
template <class Field>
bool ForEachField(std::string_view message, WireError* error, const Field& field) {
  const char* p = message.data();
  const char* const end = p + message.size();
  while (p != end) {
    const char* const at = p;
    uint32_t tag = 0;
    p = ReadTag(p, end, &tag);
    if (p != nullptr) p = field(tag, p, end);
    if (p == nullptr) [[unlikely]] {
      return error->Set(at, kMalformedField);
    }
  }
  return true;
}

// The values of single fields. As ReadVarint and the others: what is left behind it, or null.

inline const char* ReadDouble(const char* p, const char* end, double* value) {
  uint64_t bits = 0;
  p = ReadFixed64(p, end, &bits);
  *value = std::bit_cast<double>(bits);
  return p;
}

inline const char* ReadInt64(const char* p, const char* end, int64_t* value) {
  uint64_t bits = 0;
  p = ReadVarint(p, end, &bits);
  *value = static_cast<int64_t>(bits);
  return p;
}

inline const char* ReadUint32(const char* p, const char* end, uint32_t* value) {
  uint64_t bits = 0;
  p = ReadVarint(p, end, &bits);
  *value = static_cast<uint32_t>(bits);  // What protobuf does with the bits beyond the type.
  return p;
}

/// A message of `read(bytes)`, which returns false if that is malformed.
template <class Read>
const char* ReadMessage(const char* p, const char* end, const Read& read) {
  std::string_view bytes;
  p = ReadBytes(p, end, &bytes);
  return p != nullptr && read(bytes) ? p : nullptr;
}

/// The varints of a packed field, each passed to `add`.
template <class Add>
const char* ReadPackedVarints(const char* p, const char* end, const Add& add) {
  return ReadMessage(p, end, [&](std::string_view bytes) {
    const char* at = bytes.data();
    const char* const bytes_end = at + bytes.size();
    while (at != bytes_end) {
      uint64_t value = 0;
      at = ReadVarint(at, bytes_end, &value);
      if (at == nullptr) return false;
      add(value);
    }
    return true;
  });
}

/// The 64-bit values of a packed field, added to `*values`.
template <class T>
const char* ReadPackedFixed64(const char* p, const char* end, std::vector<T>* values) {
  static_assert(sizeof(T) == 8);
  return ReadMessage(p, end, [&](std::string_view bytes) {
    if (bytes.size() % sizeof(T) != 0) return false;
    const size_t before = values->size();
    values->resize(before + bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(values->data() + before, bytes.data(), bytes.size());
    return true;
  });
}

}  // namespace tocsin::wire
