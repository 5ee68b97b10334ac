/// Traces on their way out: a SpanBatch as OTLP protobuf and as the JSON that Tempo's clients read.
///
/// Rows are grouped by resource and, in it, by scope, each in the order of its first row; rows keep
/// their order inside a scope. `resource`, `scope` and `status` are always written, if only empty,
/// as Tempo does; other fields that have their default value are left out.

#pragma once

#include <cstdint>
#include <string>

#include "cpp/model/span_batch.h"

namespace tocsin::wire {

/// What Tempo's TraceByIDResponse says besides the trace.
struct TraceByIdInfo {
  uint64_t inspected_bytes = 0;
  bool partial = false;  ///< The trace is not whole; `message` says why.
  std::string message;
};

/// TracesData, which is also tempopb.Trace (API-07).
std::string EncodeTrace(const SpanBatch& batch);

/// tempopb.TraceByIDResponse (API-09).
std::string EncodeTraceByIdResponse(const SpanBatch& batch, const TraceByIdInfo& info);

// JSON as gogo's jsonpb writes it: ids and bytes in base64, enums by name, 64-bit integers as
// strings, doubles as Go prints them with "NaN", "Infinity" and "-Infinity" as strings.

/// `{"batches":[...]}`: tempopb.Trace under its old name (API-08).
std::string EncodeTraceJson(const SpanBatch& batch);

/// `{"trace":{"resourceSpans":[...]},"metrics":{...},"status":"PARTIAL","message":"..."}`.
std::string EncodeTraceByIdResponseJson(const SpanBatch& batch, const TraceByIdInfo& info);

}  // namespace tocsin::wire
