/// What the .proto files of OTLP say of its messages, for the transcoder of JSON; and the messages
/// that traces and metrics share.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tocsin::wire {

enum class JsonFieldType : uint8_t {
  kText,
  kBase64,
  kTraceId,
  kSpanId,
  kBool,
  kInt64,    ///< A varint.
  kUint32,   ///< A varint.
  kSint32,   ///< A varint in zigzag form.
  kFixed32,  ///< Without sign.
  kFixed64,  ///< Without sign.
  kSfixed64,
  kDouble,
  kEnum,
  kMessage,
  // Repeated.
  kMessages,
  kUint64s,
  kFixed64s,
  kDoubles,
};

struct JsonMessage;

/// A field of a message: its two names in JSON, and what the .proto file says of it.
struct JsonField {
  std::string_view name;
  std::string_view proto_name;
  uint32_t number;
  JsonFieldType type;
  const JsonMessage* message = nullptr;
  std::span<const std::string_view> enumerators = {};  ///< By value.
  bool has_presence = false;  ///< The default value says more than nothing: it is written too.
};

struct JsonMessage {
  std::span<const JsonField> fields;  ///< At most 32.
  bool is_oneof = false;  ///< One field at most, which is written even if it has its default.
};

extern const JsonMessage kJsonKeyValue;
extern const JsonMessage kJsonScope;
extern const JsonMessage kJsonResource;

}  // namespace tocsin::wire
