/// A value of the query engine as JSON.

#pragma once

#include "cpp/lib/json.h"
#include "cpp/traceql/source.h"

namespace tocsin::api {

/// As jsonpb writes an AnyValue; {} for kEmpty.
void WriteValue(const traceql::Value& value, lib::JsonWriter* w);

}  // namespace tocsin::api
