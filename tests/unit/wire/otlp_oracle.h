/// Protobuf's own parser as the oracle of cpp/wire/otlp_decode.h.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/unit/wire/sample_requests.h"

namespace tocsin::wire {

struct Rejected {
  uint64_t invalid_trace_id = 0;
  uint64_t invalid_span_id = 0;
};

/// Does to a parsed request what DecodeOtlp documents beyond parsing, and what EncodeTrace
/// documents beyond encoding: removes rejected spans, bad links, unknown fields and values of
/// enums, empty resources and scopes; sets every `resource`, `scope`, `status` and value of an
/// attribute.
Rejected Normalize(ExportRequest* request);

/// "" if our decoder accepts `body` exactly when protobuf does, and what it decodes, encoded again,
/// is byte for byte the message that protobuf parsed; otherwise what differs.
std::string Disagreement(std::string_view body);

}  // namespace tocsin::wire
