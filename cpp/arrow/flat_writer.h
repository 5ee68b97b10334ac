/// Writes FlatBuffers front to back, as far as Arrow's messages need it. Private to this folder.
///
/// A table is written before what it points to: whoever writes that says it with Point().

#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/coding.h"

namespace tocsin::arrow {

class FlatWriter {
 public:
  /// The first bytes point to the root.
  FlatWriter() : bytes_(kOffsetBytes, '\0') {}

  /// A field of a table, in the order of its schema.
  struct Field {
    uint8_t bytes = 0;  ///< 0: it has its default and is not written.
    uint64_t value = 0;
    bool pointer = false;

    static Field None() { return {}; }
    static Field Byte(uint8_t value) { return {1, value}; }
    static Field Short(uint16_t value) { return {2, value}; }
    static Field Int(uint32_t value) { return {4, value}; }
    static Field Long(int64_t value) { return {8, static_cast<uint64_t>(value)}; }
    /// To be filled in by Point().
    static Field Pointer() { return {kOffsetBytes, 0, true}; }
  };

  struct Table {
    size_t position = 0;
    std::vector<size_t> pointers;  ///< Where its pointers stand, in their order.
  };

  Table AddTable(std::initializer_list<Field> fields) {
    const size_t vtable_bytes = (2 + fields.size()) * kShortBytes;
    // The table itself starts where its widest field may.
    Pad((kWidest - (bytes_.size() + vtable_bytes) % kWidest) % kWidest);
    const size_t vtable = bytes_.size();
    Table table{.position = vtable + vtable_bytes, .pointers = {}};
    std::string body;
    PutFixed32(&body, static_cast<uint32_t>(vtable_bytes));
    std::string offsets;
    for (const Field& field : fields) {
      if (field.bytes == 0) {
        PutShort(&offsets, 0);
        continue;
      }
      while (body.size() % field.bytes != 0) body.push_back('\0');
      PutShort(&offsets, body.size());
      if (field.pointer) table.pointers.push_back(table.position + body.size());
      for (uint8_t i = 0; i < field.bytes; ++i) {
        body.push_back(static_cast<char>(field.value >> (8U * i) & 0xffU));
      }
    }
    PutShort(&bytes_, vtable_bytes);
    PutShort(&bytes_, body.size());
    bytes_.append(offsets).append(body);
    return table;
  }

  size_t AddString(std::string_view text) {
    Align(kOffsetBytes);
    const size_t position = bytes_.size();
    PutFixed32(&bytes_, static_cast<uint32_t>(text.size()));
    bytes_.append(text).push_back('\0');
    return position;
  }

  /// A vector of pointers: where it is, and where each of them stands.
  Table AddPointers(size_t count) {
    Align(kOffsetBytes);
    Table vector{.position = bytes_.size(), .pointers = {}};
    PutFixed32(&bytes_, static_cast<uint32_t>(count));
    for (size_t i = 0; i < count; ++i) {
      vector.pointers.push_back(bytes_.size());
      PutFixed32(&bytes_, 0);
    }
    return vector;
  }

  /// A vector of structs, each of `longs_each` of `values`.
  size_t AddStructs(const std::vector<int64_t>& values, size_t longs_each) {
    // The count stands before the first struct, which begins where a long may.
    Pad((kWidest + kOffsetBytes - bytes_.size() % kWidest) % kWidest);
    const size_t position = bytes_.size();
    PutFixed32(&bytes_, static_cast<uint32_t>(values.size() / longs_each));
    for (const int64_t value : values) {
      PutFixed32(&bytes_, static_cast<uint32_t>(value));
      PutFixed32(&bytes_, static_cast<uint32_t>(static_cast<uint64_t>(value) >> 32U));
    }
    return position;
  }

  /// Makes what stands at `pointer` point to `target`, which lies behind it.
  void Point(size_t pointer, size_t target) {
    std::string distance;
    PutFixed32(&distance, static_cast<uint32_t>(target - pointer));
    bytes_.replace(pointer, kOffsetBytes, distance);
  }
  void PointRoot(const Table& table) { Point(0, table.position); }

  std::string Finish() && {
    Align(kWidest);
    return std::move(bytes_);
  }

 private:
  static constexpr size_t kShortBytes = 2;
  static constexpr size_t kOffsetBytes = 4;
  static constexpr size_t kWidest = 8;

  static void PutShort(std::string* out, size_t value) {
    out->push_back(static_cast<char>(value & 0xffU));
    out->push_back(static_cast<char>(value >> 8U & 0xffU));
  }
  void Pad(size_t bytes) { bytes_.append(bytes, '\0'); }
  void Align(size_t to) { Pad((to - bytes_.size() % to) % to); }

  std::string bytes_;
};

}  // namespace tocsin::arrow
