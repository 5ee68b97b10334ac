#include "cpp/wire/attribute_json.h"

#include <bit>
#include <cmath>
#include <string>

#include "cpp/base/base64.h"
#include "cpp/base/format.h"
#include "cpp/wire/proto_reader.h"

namespace tocsin::wire {
namespace {

using lib::JsonWriter;

// A value that lies in canonical encoding: one member of the oneof, or none.
class CompositeWriter {
 public:
  explicit CompositeWriter(JsonWriter* json) : json_(*json) {}

  void WriteValue(std::string_view encoded, int depth) {
    const char* p = encoded.data();
    const char* const end = p + encoded.size();
    uint32_t tag = 0;
    std::string_view text;
    uint64_t bits = 0;
    if (p != end) p = ReadTag(p, end, &tag);
    switch (p == nullptr ? 0 : tag) {
      case Tag(1, WireType::kBytes):
        if (ReadBytes(p, end, &text) != nullptr) return WriteStringValue(text, &json_);
        break;
      case Tag(2, WireType::kVarint):
        if (ReadVarint(p, end, &bits) != nullptr) return WriteBoolValue(bits != 0, &json_);
        break;
      case Tag(3, WireType::kVarint):
        if (ReadVarint(p, end, &bits) == nullptr) break;
        return WriteIntValue(static_cast<int64_t>(bits), &json_);
      case Tag(4, WireType::kFixed64):
        if (ReadFixed64(p, end, &bits) == nullptr) break;
        return WriteDoubleValue(std::bit_cast<double>(bits), &json_);
      case Tag(5, WireType::kBytes):
        if (depth <= 0 || ReadBytes(p, end, &text) == nullptr) break;
        return WriteList("arrayValue", text, [&](auto element) { WriteValue(element, depth - 1); });
      case Tag(6, WireType::kBytes):
        if (depth <= 0 || ReadBytes(p, end, &text) == nullptr) break;
        return WriteList("kvlistValue", text, [&](auto pair) { WritePair(pair, depth - 1); });
      case Tag(7, WireType::kBytes):
        if (ReadBytes(p, end, &text) != nullptr) return WriteBytesValue(text, &json_);
        break;
      default:
        break;
    }
    json_.BeginObject().EndObject();
  }

 private:
  template <class Write>
  void WriteList(std::string_view key, std::string_view list, const Write& write) {
    json_.BeginObject().Key(key).BeginObject();
    if (!list.empty()) json_.Key("values").BeginArray();
    ForEachField(list, [&](uint32_t field, std::string_view element) {
      if (field == 1) write(element);
    });
    if (!list.empty()) json_.EndArray();
    json_.EndObject().EndObject();
  }

  void WritePair(std::string_view pair, int depth) {
    json_.BeginObject();
    ForEachField(pair, [&](uint32_t field, std::string_view text) {
      if (field == 1) json_.Key("key").String(text);
      if (field == 2) WriteValue((json_.Key("value"), text), depth);
    });
    json_.EndObject();
  }

  // Lists and pairs consist of fields with a length. Stops at anything else.
  template <class Field>
  static void ForEachField(std::string_view message, const Field& field) {
    const char* p = message.data();
    const char* const end = p + message.size();
    while (p != end) {
      uint32_t tag = 0;
      std::string_view bytes;
      p = ReadTag(p, end, &tag);
      if (p == nullptr || (tag & 7) != static_cast<uint32_t>(WireType::kBytes)) return;
      p = ReadBytes(p, end, &bytes);
      if (p == nullptr) return;
      field(tag >> 3, bytes);
    }
  }

  JsonWriter& json_;
};

void WriteAttrValue(const SpanBatch& batch, ValueType type, uint32_t value, JsonWriter* json) {
  switch (type) {
    case ValueType::kString:
      return WriteStringValue(batch.strings[value], json);
    case ValueType::kBool:
      return WriteBoolValue(value != 0, json);
    case ValueType::kInt:
      return WriteIntValue(batch.ints[value], json);
    case ValueType::kDouble:
      return WriteDoubleValue(batch.doubles[value], json);
    case ValueType::kBytes:
      return WriteBytesValue(batch.strings[value], json);
    case ValueType::kComposite:
      return WriteCompositeValue(batch.strings[value], json);
    case ValueType::kEmpty:
      json->BeginObject().EndObject();
      return;
  }
}

}  // namespace

void WriteStringValue(std::string_view value, JsonWriter* json) {
  json->BeginObject().Key("stringValue").String(value).EndObject();
}

void WriteBoolValue(bool value, JsonWriter* json) {
  json->BeginObject().Key("boolValue").Bool(value).EndObject();
}

void WriteIntValue(int64_t value, JsonWriter* json) {
  json->BeginObject().Key("intValue").String(std::to_string(value)).EndObject();
}

void WriteDoubleValue(double value, JsonWriter* json) {
  json->BeginObject().Key("doubleValue");
  if (std::isnan(value)) {
    json->String("NaN");
  } else if (std::isinf(value)) {
    json->String(value > 0 ? "Infinity" : "-Infinity");
  } else {
    std::string text = FormatSampleValue(value);
    // encoding/json drops the zero of a one-digit exponent: 1e-7.
    const size_t exponent = text.find('e');
    if (exponent != std::string::npos && text[exponent + 2] == '0') text.erase(exponent + 2, 1);
    json->Raw(text);
  }
  json->EndObject();
}

void WriteBytesValue(std::string_view value, JsonWriter* json) {
  json->BeginObject().Key("bytesValue").String(Base64(value)).EndObject();
}

void WriteCompositeValue(std::string_view encoded, JsonWriter* json) {
  CompositeWriter(json).WriteValue(encoded, kDepthMax);
}

void WriteAttributes(const SpanBatch& batch, SpanBatch::AttrRange range, JsonWriter* json) {
  json->BeginArray();
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const SpanBatch::Key& key = batch.keys[batch.attrs[i].key];
    json->BeginObject();
    if (key.name != 0) json->Key("key").String(batch.strings[key.name]);
    json->Key("value");
    WriteAttrValue(batch, key.type, batch.attrs[i].value, json);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace tocsin::wire
