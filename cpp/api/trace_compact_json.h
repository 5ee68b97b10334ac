/// A trace as short JSON, for language models: attributes as plain members, ids in hexadecimal,
/// durations worked out.

#pragma once

#include <string>

#include "cpp/model/span_batch.h"
#include "cpp/wire/otlp_encode.h"

namespace tocsin::api {

/// `{"trace":{"traceId":"...","services":[{"serviceName":"...","scopes":[{"spans":[...]}]}]},...}`;
/// `{}` for a trace without spans. Of an attribute that stands twice the last counts.
std::string EncodeTraceCompact(const SpanBatch& batch, const wire::TraceByIdInfo& info);

}  // namespace tocsin::api
