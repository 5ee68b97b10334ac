/// opentelemetry.proto.common.v1.AnyValue, the value of an attribute, and KeyValue around it.
///
/// An array or a kvlist is kept as one string, the canonical encoding of its AnyValue: known fields
/// only, each once and in order, varints at their shortest. So equal values are equal strings, and
/// whoever reads one back need not know what protobuf tolerates.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/model/span_batch.h"
#include "cpp/wire/proto_fields.h"

namespace tocsin::wire {

struct AnyValue {
  ValueType type = ValueType::kEmpty;
  std::string_view text;  ///< kString, kBytes, kComposite.
  uint64_t bits = 0;      ///< kBool, kInt, kDouble: as on the wire.
};

inline constexpr const char* kNotUtf8 = "a string is not UTF-8";

/// A KeyValue as it lies on the wire.
struct WireKeyValue {
  std::string_view key;
  std::vector<std::string_view> value;  ///< Encodings of its AnyValue, to be merged; may be none.
};

/// False, with `*error` set, if `encoded` is malformed. `depth`: levels of nesting left inside it.
bool ReadKeyValue(std::string_view encoded, int depth, WireKeyValue* out, WireError* error);

/// Reads the AnyValue whose encoding is `parts` one after the other: submessages that appear more
/// than once merge, so that their encodings may lie apart. Texts are views of `parts`, or, for a
/// composite, of `*composite`, which is overwritten. `depth` and the result as above.
struct AnyValueReader {
  int depth = 0;
  std::string* composite = nullptr;
  WireError* error = nullptr;

  bool Read(std::span<const std::string_view> parts, AnyValue* value) const;
};

}  // namespace tocsin::wire
