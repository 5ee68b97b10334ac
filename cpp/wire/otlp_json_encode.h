/// OTLP traces in JSON, as the OTLP specification maps them, which is what files of traces hold and
/// what other OTLP programs read: ids in hexadecimal, enums as numbers. (Tempo's clients read
/// another mapping: otlp_encode.h.) 64-bit integers are strings, `bytesValue` is base64, fields
/// that have their default value are left out, but for `resource`, `scope` and `status`.

#pragma once

#include <string>

#include "cpp/model/span_batch.h"

namespace tocsin::wire {

/// `{"resourceSpans":[...]}` on one line, without a line break: TracesData, which is also an
/// ExportTraceServiceRequest. Rows are grouped as otlp_encode.h says. DecodeOtlpJson reads the same
/// batch back, but for the bits of a NaN.
std::string EncodeOtlpJson(const SpanBatch& batch);

}  // namespace tocsin::wire
