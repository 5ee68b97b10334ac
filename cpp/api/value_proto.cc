#include "cpp/api/value_proto.h"

#include "cpp/wire/proto_writer.h"

namespace tocsin::api {

void AppendAnyValue(const traceql::Value& value, std::string* out) {
  wire::ProtoWriter w(out);
  switch (value.type) {
    case ValueType::kString:
      return w.Bytes(1, value.text);
    case ValueType::kBool:
      return w.Varint(2, static_cast<uint64_t>(value.integer));
    case ValueType::kInt:
      return w.Varint(3, static_cast<uint64_t>(value.integer));
    case ValueType::kDouble:
      return w.Double(4, value.number);
    case ValueType::kBytes:
      return w.Bytes(7, value.text);
    case ValueType::kComposite:
      out->append(value.text);  // Is the encoding already.
      return;
    case ValueType::kEmpty:
      return;
  }
}

void AppendKeyValue(std::string_view key, const traceql::Value& value, std::string* out) {
  wire::ProtoWriter w(out);
  w.BytesSet(1, key);
  w.Message(2, [&] { AppendAnyValue(value, out); });
}

}  // namespace tocsin::api
