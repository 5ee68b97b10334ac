/// TraceQL metrics as Tempo answers them in JSON: tempopb through jsonpb, so that 64-bit integers
/// are strings and zeros are left out.

#pragma once

#include <string>

#include "cpp/traceql/metrics.h"

namespace tocsin::api {

/// tempopb.QueryRangeResponse.
std::string QueryRangeJson(const traceql::MetricsResult& result);
/// tempopb.QueryInstantResponse, with no member that it has not always had unless series are
/// missing: some clients refuse what they do not know.
std::string QueryInstantJson(const traceql::MetricsResult& result);

}  // namespace tocsin::api
