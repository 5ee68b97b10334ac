#include "cpp/wire/attribute_text.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "cpp/base/base64.h"
#include "cpp/base/format.h"
#include "cpp/lib/json.h"
#include "cpp/wire/proto_fields.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

std::string DoubleText(double value) {
  return std::isinf(value) ? (value > 0 ? "+Inf" : "-Inf") : FormatSampleValue(value);
}

// An array or a map in its canonical encoding, as JSON without the types.
class PlainJson {
 public:
  std::string Text(View encoded) {
    Value(encoded, kDepthMax);
    return std::move(json_).Take();
  }

 private:
  // The canonical encoding of an AnyValue is one field, or nothing.
  void Value(View encoded, int depth) {
    WireError error;
    bool written = false;
    ForEachField(encoded, &error, [&](uint32_t tag, const char* p, const char* end) {
      View text;
      uint64_t bits = 0;
      written = true;
      switch (tag) {
        case Tag(1, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          json_.String(text);
          return p;
        case Tag(2, WireType::kVarint):
          p = ReadVarint(p, end, &bits);
          json_.Bool(bits != 0);
          return p;
        case Tag(3, WireType::kVarint):
          p = ReadVarint(p, end, &bits);
          json_.Int(static_cast<int64_t>(bits));
          return p;
        case Tag(4, WireType::kFixed64):
          p = ReadFixed64(p, end, &bits);
          Double(std::bit_cast<double>(bits));
          return p;
        case Tag(5, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          Array(text, depth - 1);
          return p;
        case Tag(6, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          Map(text, depth - 1);
          return p;
        case Tag(7, WireType::kBytes):
          p = ReadBytes(p, end, &text);
          json_.String(Base64(text));
          return p;
        default:
          written = false;
          return SkipField(p, end, tag, depth);
      }
    });
    if (!written) json_.Null();
  }

  void Double(double value) {
    if (std::isfinite(value)) {
      json_.Raw(DoubleText(value));
    } else {
      json_.String(DoubleText(value));
    }
  }

  void Array(View list, int depth) {
    WireError error;
    json_.BeginArray();
    if (depth > 0) {
      ForEachField(list, &error, [&](uint32_t /*tag*/, const char* p, const char* end) {
        View element;
        p = ReadBytes(p, end, &element);
        if (p != nullptr) Value(element, depth);
        return p;
      });
    }
    json_.EndArray();
  }

  // Sorted by key, the last of equal keys, as Go writes maps.
  void Map(View list, int depth) {
    WireError error;
    std::map<View, View> members;
    ForEachField(list, &error, [&](uint32_t /*tag*/, const char* p, const char* end) {
      return ReadMessage(p, end, [&](View pair) {
        View key;
        View value;
        const bool ok =
            ForEachField(pair, &error, [&](uint32_t tag, const char* q, const char* q_end) {
              return ReadBytes(q, q_end, tag == Tag(1, WireType::kBytes) ? &key : &value);
            });
        if (ok) members.insert_or_assign(key, value);
        return ok;
      });
    });
    json_.BeginObject();
    for (const auto& [key, value] : members) {
      if (depth <= 0) break;
      json_.Key(key);
      Value(value, depth);
    }
    json_.EndObject();
  }

  lib::JsonWriter json_;
};

}  // namespace

std::string AttributeText(const AnyValue& value) {
  switch (value.type) {
    case ValueType::kEmpty:
      return "";
    case ValueType::kString:
      return std::string(value.text);
    case ValueType::kBool:
      return value.bits != 0 ? "true" : "false";
    case ValueType::kInt:
      return std::to_string(static_cast<int64_t>(value.bits));
    case ValueType::kDouble:
      return DoubleText(std::bit_cast<double>(value.bits));
    case ValueType::kBytes:
      return Base64(value.text);
    case ValueType::kComposite:
      return PlainJson().Text(value.text);
  }
  return "";
}

}  // namespace tocsin::wire
