#include "cpp/api/plain_json.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cpp/api/proto_fields.h"
#include "cpp/wire/proto_reader.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteNumber(double value, JsonWriter* w) {
  if (std::isfinite(value)) {
    w->Double(value);
  } else {
    w->Null();
  }
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

// Of the functions below: SpanBatch keeps composites in canonical form, so that they do decode.

void WriteAny(std::string_view any, int depth, JsonWriter* w);

void WriteList(std::string_view list, int depth, JsonWriter* w) {
  w->BeginArray();
  ForEachField(list, [&](uint32_t field, uint64_t, std::string_view bytes) {
    if (field == 1) WriteAny(bytes, depth, w);
  });
  w->EndArray();
}

void WriteMap(std::string_view list, int depth, JsonWriter* w) {
  std::map<std::string_view, std::string_view> members;
  ForEachField(list, [&](uint32_t, uint64_t, std::string_view pair) {
    std::string_view key;
    std::string_view value;
    ForEachField(pair, [&](uint32_t field, uint64_t, std::string_view bytes) {
      (field == 1 ? key : value) = bytes;
    });
    members[key] = value;
  });
  w->BeginObject();
  for (const auto& [key, value] : members) {
    w->Key(key);
    WriteAny(value, depth, w);
  }
  w->EndObject();
}

// An AnyValue. Exactly one value is written.
void WriteAny(std::string_view any, int depth, JsonWriter* w) {
  bool written = false;
  ForEachField(any, [&](uint32_t field, uint64_t number, std::string_view bytes) {
    if (written || depth == 0) return;
    written = true;
    switch (field) {
      case 1:
        w->String(bytes);
        return;
      case 2:
        w->Bool(number != 0);
        return;
      case 3:
        w->Int(static_cast<int64_t>(number));
        return;
      case 4:
        return WriteNumber(std::bit_cast<double>(number), w);
      case 5:
        return WriteList(bytes, depth - 1, w);
      case 6:
        return WriteMap(bytes, depth - 1, w);
      case 7:
        w->String(Hex(bytes));
        return;
      default:
        written = false;
    }
  });
  if (!written) w->Null();
}

}  // namespace

void WritePlainValue(const SpanBatch& batch, SpanBatch::Attr attr, JsonWriter* w) {
  switch (batch.keys[attr.key].type) {
    case ValueType::kString:
      w->String(batch.strings[attr.value]);
      return;
    case ValueType::kBool:
      w->Bool(attr.value != 0);
      return;
    case ValueType::kInt:
      w->Int(batch.ints[attr.value]);
      return;
    case ValueType::kDouble:
      return WriteNumber(batch.doubles[attr.value], w);
    case ValueType::kBytes:
      w->String(Hex(batch.strings[attr.value]));
      return;
    case ValueType::kComposite:
      return WriteAny(batch.strings[attr.value], wire::kDepthMax, w);
    case ValueType::kEmpty:
      w->Null();
  }
}

}  // namespace tocsin::api
