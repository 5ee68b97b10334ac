#include "cpp/wire/otlp_json_decode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <system_error>

#include "cpp/base/base64.h"
#include "cpp/base/check.h"
#include "cpp/base/hex.h"
#include "cpp/wire/json_reader.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

enum class FieldType : uint8_t {
  kText,
  kBase64,
  kTraceId,
  kSpanId,
  kBool,
  kInt64,    // A varint.
  kUint32,   // A varint.
  kFixed32,  // Without sign.
  kFixed64,  // Without sign.
  kDouble,
  kEnum,
  kMessage,
  kMessages,  // Repeated.
};

struct Message;

// A field of a message: its two names in JSON, and what OTLP's .proto files say of it.
struct Field {
  View name;
  View proto_name;
  uint32_t number;
  FieldType type;
  const Message* message = nullptr;
  std::span<const View> enumerators = {};  // By value.
};

struct Message {
  std::span<const Field> fields;
  bool is_oneof = false;  // One field at most, which is written even if it has its default.
};

constexpr std::array<View, 6> kKinds = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                        "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                        "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
constexpr std::array<View, 3> kStatuses = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                           "STATUS_CODE_ERROR"};

// An AnyValue holds lists of AnyValues, hence the declarations.
extern const Message kAnyValue;
extern const Message kKeyValue;

constexpr Field kArrayFields[] = {
    {"values", "values", 1, FieldType::kMessages, &kAnyValue},
};
constexpr Message kArray{kArrayFields};
constexpr Field kKvlistFields[] = {
    {"values", "values", 1, FieldType::kMessages, &kKeyValue},
};
constexpr Message kKvlist{kKvlistFields};
constexpr Field kAnyValueFields[] = {
    {"stringValue", "string_value", 1, FieldType::kText},
    {"boolValue", "bool_value", 2, FieldType::kBool},
    {"intValue", "int_value", 3, FieldType::kInt64},
    {"doubleValue", "double_value", 4, FieldType::kDouble},
    {"arrayValue", "array_value", 5, FieldType::kMessage, &kArray},
    {"kvlistValue", "kvlist_value", 6, FieldType::kMessage, &kKvlist},
    {"bytesValue", "bytes_value", 7, FieldType::kBase64},
};
constexpr Message kAnyValue{kAnyValueFields, true};
constexpr Field kKeyValueFields[] = {
    {"key", "key", 1, FieldType::kText},
    {"value", "value", 2, FieldType::kMessage, &kAnyValue},
};
constexpr Message kKeyValue{kKeyValueFields};

constexpr Field kEventFields[] = {
    {"timeUnixNano", "time_unix_nano", 1, FieldType::kFixed64},
    {"name", "name", 2, FieldType::kText},
    {"attributes", "attributes", 3, FieldType::kMessages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 4, FieldType::kUint32},
};
constexpr Message kEvent{kEventFields};
constexpr Field kLinkFields[] = {
    {"traceId", "trace_id", 1, FieldType::kTraceId},
    {"spanId", "span_id", 2, FieldType::kSpanId},
    {"traceState", "trace_state", 3, FieldType::kText},
    {"attributes", "attributes", 4, FieldType::kMessages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 5, FieldType::kUint32},
    {"flags", "flags", 6, FieldType::kFixed32},
};
constexpr Message kLink{kLinkFields};
constexpr Field kStatusFields[] = {
    {"message", "message", 2, FieldType::kText},
    {"code", "code", 3, FieldType::kEnum, nullptr, kStatuses},
};
constexpr Message kStatus{kStatusFields};
constexpr Field kSpanFields[] = {
    {"traceId", "trace_id", 1, FieldType::kTraceId},
    {"spanId", "span_id", 2, FieldType::kSpanId},
    {"traceState", "trace_state", 3, FieldType::kText},
    {"parentSpanId", "parent_span_id", 4, FieldType::kSpanId},
    {"name", "name", 5, FieldType::kText},
    {"kind", "kind", 6, FieldType::kEnum, nullptr, kKinds},
    {"startTimeUnixNano", "start_time_unix_nano", 7, FieldType::kFixed64},
    {"endTimeUnixNano", "end_time_unix_nano", 8, FieldType::kFixed64},
    {"attributes", "attributes", 9, FieldType::kMessages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 10, FieldType::kUint32},
    {"events", "events", 11, FieldType::kMessages, &kEvent},
    {"droppedEventsCount", "dropped_events_count", 12, FieldType::kUint32},
    {"links", "links", 13, FieldType::kMessages, &kLink},
    {"droppedLinksCount", "dropped_links_count", 14, FieldType::kUint32},
    {"status", "status", 15, FieldType::kMessage, &kStatus},
    {"flags", "flags", 16, FieldType::kFixed32},
};
constexpr Message kSpan{kSpanFields};

constexpr Field kScopeFields[] = {
    {"name", "name", 1, FieldType::kText},
    {"version", "version", 2, FieldType::kText},
    {"attributes", "attributes", 3, FieldType::kMessages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 4, FieldType::kUint32},
};
constexpr Message kScope{kScopeFields};
constexpr Field kScopeSpansFields[] = {
    {"scope", "scope", 1, FieldType::kMessage, &kScope},
    {"spans", "spans", 2, FieldType::kMessages, &kSpan},
    {"schemaUrl", "schema_url", 3, FieldType::kText},
};
constexpr Message kScopeSpans{kScopeSpansFields};
constexpr Field kResourceFields[] = {
    {"attributes", "attributes", 1, FieldType::kMessages, &kKeyValue},
    {"droppedAttributesCount", "dropped_attributes_count", 2, FieldType::kUint32},
};
constexpr Message kResource{kResourceFields};
constexpr Field kResourceSpansFields[] = {
    {"resource", "resource", 1, FieldType::kMessage, &kResource},
    {"scopeSpans", "scope_spans", 2, FieldType::kMessages, &kScopeSpans},
    {"schemaUrl", "schema_url", 3, FieldType::kText},
};
constexpr Message kResourceSpans{kResourceSpansFields};
constexpr Field kRequestFields[] = {
    {"resourceSpans", "resource_spans", 1, FieldType::kMessages, &kResourceSpans},
};
constexpr Message kRequest{kRequestFields};

const Field* Find(const Message& message, View key) {
  for (const Field& field : message.fields) {
    if (key == field.name || key == field.proto_name) return &field;
  }
  return nullptr;
}

// `out` has room for half of the digits.
bool FromHex(View digits, char* out) {
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    const int high = HexDigit(digits[i]);
    const int low = HexDigit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    *out++ = static_cast<char>(high << 4 | low);
  }
  return true;
}

template <class Number>
bool FromText(View text, Number* value) {
  const char* const begin = text.begin();
  const char* const end = text.end();
  const auto [p, error] = std::from_chars(begin, end, *value);
  return error == std::errc() && p == end;
}

// An integer that JSON writes with a fraction or an exponent: 1e3, 2.0.
template <class Integer>
bool FromRealText(View text, Integer* value) {
  double real = 0;
  if (text.find_first_of(".eE") == View::npos || !FromText(text, &real)) return false;
  // The first double that is too large is 2 to the number of value bits, exactly.
  const double above = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  const double least = std::numeric_limits<Integer>::is_signed ? -above : 0.0;
  if (!(real >= least && real < above) || real != std::trunc(real)) return false;
  *value = static_cast<Integer>(real);
  return true;
}

class Transcoder {
 public:
  explicit Transcoder(View text) : json_(text), writer_(&out_) {}

  Result<std::string> Run(uint64_t first_line) {
    if (ReadMessage(kRequest, kDepthMax) && json_.ReadEnd()) return std::move(out_);
    return Failure(json_.error(first_line));
  }

 private:
  // Appends the fields of an object. `levels`: of nesting that are left inside it.
  bool ReadMessage(const Message& message, int levels) {
    uint32_t seen = 0;  // A bit for each field.
    return json_.ReadObject([&](View key) {
      const Field* const field = Find(message, key);
      if (json_.Peek() == JsonReader::Type::kNull) return json_.ReadNull();
      if (field == nullptr) return json_.Skip();
      const uint32_t bit = 1U << (field - message.fields.data());
      if ((seen & bit) != 0) return json_.Fail("\"" + std::string(key) + "\" stands here twice");
      if (message.is_oneof && seen != 0) return json_.Fail("a value has one type, not two");
      seen |= bit;
      return ReadField(*field, message.is_oneof, levels);
    });
  }

  bool ReadField(const Field& field, bool always, int levels) {
    switch (field.type) {
      case FieldType::kText:
      case FieldType::kBase64:
        return ReadText(field, always);
      case FieldType::kTraceId:
        return ReadId(field, 32);
      case FieldType::kSpanId:
        return ReadId(field, 16);
      case FieldType::kBool:
        return ReadBool(field, always);
      case FieldType::kDouble:
        return ReadDouble(field, always);
      case FieldType::kEnum:
        return ReadEnum(field);
      case FieldType::kMessage:
        return ReadSubmessage(field, levels);
      case FieldType::kMessages:
        return json_.ReadArray([&] { return ReadSubmessage(field, levels); });
      case FieldType::kInt64:
      case FieldType::kUint32:
      case FieldType::kFixed32:
      case FieldType::kFixed64:
        return ReadInteger(field, always);
    }
    return false;
  }

  bool ReadSubmessage(const Field& field, int levels) {
    bool ok = false;
    if (levels <= 0) return json_.Fail("messages are nested more than 100 deep");
    writer_.Message(field.number, [&] { ok = ReadMessage(*field.message, levels - 1); });
    return ok;
  }

  bool ReadText(const Field& field, bool always) {
    View text;
    if (!json_.ReadString(&text)) return false;
    std::optional<std::string> bytes;
    if (field.type == FieldType::kBase64) {
      bytes = FromBase64(text);
      if (!bytes) return json_.Fail(std::string(field.name) + " is not base64");
      text = *bytes;
    }
    if (always || !text.empty()) writer_.Bytes(field.number, text);
    return true;
  }

  bool ReadId(const Field& field, size_t digits) {
    View text;
    std::array<char, 16> bytes;
    if (!json_.ReadString(&text)) return false;
    if (text.empty()) return true;
    if (text.size() != digits || !FromHex(text, bytes.data())) {
      return json_.Fail(std::string(field.name) + " is " + std::to_string(digits) +
                        " hexadecimal digits, not \"" + std::string(text.substr(0, 64)) + "\"");
    }
    writer_.Bytes(field.number, {bytes.data(), digits / 2});
    return true;
  }

  bool ReadBool(const Field& field, bool always) {
    bool value = false;
    if (!json_.ReadBool(&value)) return false;
    if (always || value) writer_.Varint(field.number, value ? 1 : 0);
    return true;
  }

  // A number, or a string with one.
  bool ReadNumberText(View* text) {
    return json_.Peek() == JsonReader::Type::kString ? json_.ReadString(text)
                                                     : json_.ReadNumber(text);
  }

  template <class Integer>
  bool ReadIntegerAs(const Field& field, Integer* value) {
    View text;
    if (!ReadNumberText(&text)) return false;
    if (FromText(text, value) || FromRealText(text, value)) return true;
    return json_.Fail(std::string(field.name) + " is an integer from " +
                      std::to_string(std::numeric_limits<Integer>::min()) + " to " +
                      std::to_string(std::numeric_limits<Integer>::max()) + ", not " +
                      std::string(text.substr(0, 64)));
  }

  bool ReadInteger(const Field& field, bool always) {
    if (field.type == FieldType::kInt64) {
      int64_t value = 0;
      if (!ReadIntegerAs(field, &value)) return false;
      if (always || value != 0) writer_.Varint(field.number, static_cast<uint64_t>(value));
      return true;
    }
    if (field.type == FieldType::kFixed64) {
      uint64_t value = 0;
      if (!ReadIntegerAs(field, &value)) return false;
      writer_.Fixed64Set(field.number, value);
      return true;
    }
    uint32_t value = 0;
    if (!ReadIntegerAs(field, &value)) return false;
    if (field.type == FieldType::kUint32) {
      writer_.VarintSet(field.number, value);
    } else {
      writer_.Fixed32Set(field.number, value);
    }
    return true;
  }

  bool ReadDouble(const Field& field, bool always) {
    View text;
    double value = 0;
    if (!ReadNumberText(&text)) return false;
    if (text == "NaN") {
      value = std::numeric_limits<double>::quiet_NaN();
    } else if (text == "Infinity") {
      value = std::numeric_limits<double>::infinity();
    } else if (text == "-Infinity") {
      value = -std::numeric_limits<double>::infinity();
    } else if (!FromText(text, &value) || !std::isfinite(value)) {
      return json_.Fail(std::string(field.name) + " is a double, not " +
                        std::string(text.substr(0, 64)));
    }
    if (always || value != 0) writer_.Double(field.number, value);
    return true;
  }

  bool ReadEnum(const Field& field) {
    View name;
    int32_t value = 0;
    if (json_.Peek() != JsonReader::Type::kString) {
      if (!ReadIntegerAs(field, &value)) return false;
    } else {
      if (!json_.ReadString(&name)) return false;
      const auto known = std::ranges::find(field.enumerators, name);
      if (known == field.enumerators.end()) {
        return json_.Fail("there is no " + std::string(field.name) + " \"" +
                          std::string(name.substr(0, 64)) + "\"");
      }
      value = static_cast<int32_t>(known - field.enumerators.begin());
    }
    writer_.VarintSet(field.number, static_cast<uint64_t>(int64_t{value}));
    return true;
  }

  JsonReader json_;
  std::string out_;
  ProtoWriter writer_;
};

}  // namespace

Result<std::string> OtlpJsonToProto(std::string_view json, uint64_t first_line) {
  return Transcoder(json).Run(first_line);
}

Result<DecodeResult> DecodeOtlpJson(std::string_view json) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OtlpJsonToProto(json));
  return DecodeOtlp(body);
}

Result<DecodeResult> DecodeOtlp(std::string_view body, OtlpEncoding encoding) {
  return encoding == OtlpEncoding::kJson ? DecodeOtlpJson(body) : DecodeOtlp(body);
}

}  // namespace tocsin::wire
