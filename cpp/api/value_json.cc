#include "cpp/api/value_json.h"

#include "cpp/wire/attribute_json.h"

namespace tocsin::api {

void WriteValue(const traceql::Value& value, lib::JsonWriter* w) {
  switch (value.type) {
    case ValueType::kString:
      return wire::WriteStringValue(value.text, w);
    case ValueType::kBool:
      return wire::WriteBoolValue(value.integer != 0, w);
    case ValueType::kInt:
      return wire::WriteIntValue(value.integer, w);
    case ValueType::kDouble:
      return wire::WriteDoubleValue(value.number, w);
    case ValueType::kBytes:
      return wire::WriteBytesValue(value.text, w);
    case ValueType::kComposite:
      return wire::WriteCompositeValue(value.text, w);
    case ValueType::kEmpty:
      w->BeginObject().EndObject();
  }
}

}  // namespace tocsin::api
