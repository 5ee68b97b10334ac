/// What an OTLP server answers: ExportTraceServiceResponse, and google.rpc.Status where it refuses.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"

namespace tocsin::wire {

/// ExportTraceServiceResponse. `partial_success` is left unset on full success, which is neither
/// rejected spans nor a message; a message alone is a warning (RCV-08).
std::string EncodeExportResponse(uint64_t rejected_spans, std::string_view message);

/// google.rpc.Status: the body of an error over OTLP/HTTP, and the value of grpc-status-details-bin
/// over gRPC. `code` is a gRPC code. With `retry_after` > 0 a google.rpc.RetryInfo is among the
/// details, which alone makes RESOURCE_EXHAUSTED retryable for the sender (RCV-12, RCV-13).
std::string EncodeRpcStatus(int code, std::string_view message, Nanos retry_after = 0);

// The same messages in JSON, for senders that speak it (RCV-14: an error is in the encoding of its
// request).

/// `{}`, or `{"partialSuccess":{"rejectedSpans":"1","errorMessage":"..."}}`; of metrics the first
/// key is "rejectedDataPoints".
std::string EncodeExportResponseJson(uint64_t rejected, std::string_view message,
                                     std::string_view rejected_key = "rejectedSpans");

/// `{"code":8,"message":"...","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo",
/// "retryDelay":"5s"}]}`.
std::string EncodeRpcStatusJson(int code, std::string_view message, Nanos retry_after = 0);

}  // namespace tocsin::wire
