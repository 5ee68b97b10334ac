/// A value of the query engine in protobuf.

#pragma once

#include <string>
#include <string_view>

#include "cpp/traceql/source.h"

namespace tocsin::api {

/// Appends the fields of an opentelemetry.proto.common.v1.AnyValue; none for kEmpty.
void AppendAnyValue(const traceql::Value& value, std::string* out);
/// Appends the fields of a KeyValue.
void AppendKeyValue(std::string_view key, const traceql::Value& value, std::string* out);

}  // namespace tocsin::api
