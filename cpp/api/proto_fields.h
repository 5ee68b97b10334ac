/// Reading small protobuf messages field by field.

#pragma once

#include <cstdint>
#include <string_view>

#include "cpp/wire/proto_reader.h"

namespace tocsin::api {

/// Calls visit(field, number, bytes) for each field of a message, with the varint or fixed-width
/// number, or the bytes, that stand there. False if the message is malformed.
template <class Visit>
bool ForEachField(std::string_view message, const Visit& visit) {
  const char* p = message.data();
  const char* const end = p + message.size();
  while (p != end) {
    uint32_t tag = 0;
    p = wire::ReadTag(p, end, &tag);
    if (p == nullptr || (tag >> 3) == 0) return false;
    uint64_t number = 0;
    std::string_view bytes;
    switch (static_cast<wire::WireType>(tag & 7)) {
      case wire::WireType::kVarint:
        p = wire::ReadVarint(p, end, &number);
        break;
      case wire::WireType::kFixed64:
        p = wire::ReadFixed64(p, end, &number);
        break;
      case wire::WireType::kBytes:
        p = wire::ReadBytes(p, end, &bytes);
        break;
      default:
        p = wire::SkipField(p, end, tag, wire::kDepthMax);
        if (p == nullptr) return false;
        continue;
    }
    if (p == nullptr) return false;
    visit(tag >> 3, number, bytes);
  }
  return true;
}

}  // namespace tocsin::api
