/// OTLP traces in JSON: an ExportTraceServiceRequest (also TracesData) as the OTLP specification
/// maps it. The text is turned into the protobuf encoding in one walk, without a tree, and that is
/// what DecodeOtlp reads: so there is one set of rules for spans, whatever they came in.
///
/// As protobuf's JSON: unknown members are skipped, null is the default, 64-bit integers are
/// strings or numbers, enums are numbers or names, `bytesValue` is base64, keys are lowerCamelCase
/// or as in the .proto files. Ids are hexadecimal, of either case. On top of that:
///
/// * A member that stands twice, or a second value in one AnyValue, is refused: nobody can say
/// which
///   is meant.
/// * An id that is not of its 32 or 16 digits is refused with its place, and the request with it:
///   what wrote base64 there wrote it for every span. Ids that are absent, empty or zero reject
///   their span alone, as in protobuf.
/// * Half of a surrogate pair becomes U+FFFD: JavaScript cuts strings there.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/wire/otlp_decode.h"

namespace tocsin::wire {

/// What a request's body is written in.
enum class OtlpEncoding : uint8_t { kProtobuf, kJson };

/// The protobuf encoding of the request in `json`. kInvalidArgument, naming line and column, for
/// what is no such request; `first_line` is the line in which it begins.
Result<std::string> OtlpJsonToProto(std::string_view json, uint64_t first_line = 1);

/// As DecodeOtlp. SpanBatch::wire_size is of the span's protobuf message here too.
Result<DecodeResult> DecodeOtlpJson(std::string_view json);

/// DecodeOtlp or DecodeOtlpJson.
Result<DecodeResult> DecodeOtlp(std::string_view body, OtlpEncoding encoding);

}  // namespace tocsin::wire
