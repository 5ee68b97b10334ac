/// OTLP metrics in JSON, turned into the protobuf encoding, which is what DecodeOtlpMetrics reads.
/// What is taken and what is refused: as for traces, see otlp_json_decode.h.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::wire {

/// Of an ExportMetricsServiceRequest. kInvalidArgument, naming line and column, for what is none.
Result<std::string> OtlpMetricsJsonToProto(std::string_view json);

}  // namespace tocsin::wire
