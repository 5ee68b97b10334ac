/// Writes the protobuf wire format, in its canonical form, at the end of a string.
///
///     ProtoWriter w(&out);
///     w.Message(1, [&] { w.Text(1, "service.name"); });

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "cpp/base/coding.h"
#include "cpp/wire/proto_reader.h"

namespace tocsin::wire {

class ProtoWriter {
 public:
  explicit ProtoWriter(std::string* out) : out_(out) {}

  /// An element of a packed field.
  static void AppendFixed64(uint64_t value, std::string* packed) {
    char bytes[8];
    std::memcpy(bytes, &value, sizeof(bytes));
    packed->append(bytes, sizeof(bytes));
  }

  // A field, whatever its value. Fields of proto3 that have their default value are left out by the
  // ...Set variants below.
  void Varint(uint32_t field, uint64_t value) {
    PutVarint64(out_, Tag(field, WireType::kVarint));
    PutVarint64(out_, value);
  }
  void Fixed64(uint32_t field, uint64_t value) {
    PutVarint64(out_, Tag(field, WireType::kFixed64));
    AppendFixed64(value, out_);
  }
  void Fixed32(uint32_t field, uint32_t value) {
    PutVarint64(out_, Tag(field, WireType::kFixed32));
    PutFixed32(out_, value);
  }
  void Double(uint32_t field, double value) { Fixed64(field, std::bit_cast<uint64_t>(value)); }
  /// A string, bytes, or a message that is encoded already.
  void Bytes(uint32_t field, std::string_view value) {
    PutVarint64(out_, Tag(field, WireType::kBytes));
    PutVarint64(out_, value.size());
    out_->append(value);
  }

  // The field unless its value is the default.
  void VarintSet(uint32_t field, uint64_t value) {
    if (value != 0) Varint(field, value);
  }
  void Fixed64Set(uint32_t field, uint64_t value) {
    if (value != 0) Fixed64(field, value);
  }
  void Fixed32Set(uint32_t field, uint32_t value) {
    if (value != 0) Fixed32(field, value);
  }
  /// -0 is not the default.
  void DoubleSet(uint32_t field, double value) {
    Fixed64Set(field, std::bit_cast<uint64_t>(value));
  }
  void BytesSet(uint32_t field, std::string_view value) {
    if (!value.empty()) Bytes(field, value);
  }

  /// A message whose fields `body()` writes to this writer.
  template <class Body>
  void Message(uint32_t field, const Body& body) {
    PutVarint64(out_, Tag(field, WireType::kBytes));
    const size_t begin = out_->size();
    out_->push_back(0);  // Most messages are shorter than 128 bytes.
    body();
    EndMessage(begin);
  }

 private:
  void EndMessage(size_t begin) {
    uint64_t size = out_->size() - begin - 1;
    if (size >= 0x80) {
      const auto more = static_cast<size_t>(std::bit_width(size) - 1) / 7;
      out_->insert(begin, more, '\0');
    }
    char* p = out_->data() + begin;
    for (; size >= 0x80; size >>= 7) *p++ = static_cast<char>(size | 0x80);
    *p = static_cast<char>(size);
  }

  std::string* out_;
};

}  // namespace tocsin::wire
