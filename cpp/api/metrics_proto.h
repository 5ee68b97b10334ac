/// TraceQL metrics in protobuf, as tempopb.StreamingQuerier sends them.

#pragma once

#include <string>

#include "cpp/traceql/metrics.h"

namespace tocsin::api {

/// A tempopb.QueryRangeResponse.
std::string EncodeQueryRangeResponse(const traceql::MetricsResult& result);
/// A tempopb.QueryInstantResponse.
std::string EncodeQueryInstantResponse(const traceql::MetricsResult& result);

}  // namespace tocsin::api
