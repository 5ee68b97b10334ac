/// Values of attributes as jsonpb writes an AnyValue: {"stringValue":"a"}, {"intValue":"1"} (64-bit
/// integers are strings), {"doubleValue":0.5}, {"bytesValue":"AAE="},
/// {"arrayValue":{"values":[...]}}.

#pragma once

#include <cstdint>
#include <string_view>

#include "cpp/lib/json.h"
#include "cpp/model/span_batch.h"

namespace tocsin::wire {

void WriteStringValue(std::string_view value, lib::JsonWriter* json);
void WriteBoolValue(bool value, lib::JsonWriter* json);
void WriteIntValue(int64_t value, lib::JsonWriter* json);
/// As Go prints it; "NaN", "Infinity" and "-Infinity" are strings.
void WriteDoubleValue(double value, lib::JsonWriter* json);
void WriteBytesValue(std::string_view value, lib::JsonWriter* json);
/// `encoded`: an array or a kvlist as SpanBatch keeps it, the canonical encoding of its AnyValue.
/// What does not decode is left out.
void WriteCompositeValue(std::string_view encoded, lib::JsonWriter* json);

/// [{"key":"a","value":{...}},...]; an empty key is left out.
void WriteAttributes(const SpanBatch& batch, SpanBatch::AttrRange range, lib::JsonWriter* json);

}  // namespace tocsin::wire
