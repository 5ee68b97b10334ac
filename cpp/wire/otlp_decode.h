/// OTLP traces: the bytes of an ExportTraceServiceRequest become a SpanBatch in one walk, without
/// an object per span. TracesData and tempopb.Trace have the same encoding.
///
/// A body is accepted if and only if protobuf's C++ parser accepts it, with the same meaning:
/// unknown fields are skipped, of a repeated scalar the last wins, repeated submessages merge,
/// strings must be UTF-8, messages nest at most 100 deep. On top of that:
///
/// * A span without a valid trace id (16 bytes, not all zero), span id (8 bytes, not zero) or
/// parent
///   (8 bytes, or absent) is rejected alone; the others are kept.
/// * A link whose ids have other lengths than 16 and 8 (or 0) is dropped, and counted in the span's
///   dropped links.
/// * Values of the enums that this version does not know read as unspecified and unset.
/// * Resources and scopes without an accepted span leave no trace in the batch.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"

namespace tocsin::wire {

struct DecodeResult {
  SpanBatch batch;
  uint64_t rejected_spans = 0;    ///< The sum of the two below.
  uint64_t invalid_trace_id = 0;  ///< Also where the span id is invalid as well.
  uint64_t invalid_span_id = 0;   ///< Or parent span id.
  /// A sentence for `partial_success.error_message`; empty if no span was rejected.
  std::string rejection;
};

/// kInvalidArgument, naming the byte offset, for what is no such message; then nothing was decoded.
/// The batch borrows nothing from `body`.
Result<DecodeResult> DecodeOtlp(std::string_view body);

}  // namespace tocsin::wire
