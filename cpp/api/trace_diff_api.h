/// Two traces compared, as Tempo's frontend does.

#pragma once

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// What a request body says: {"base":{"traceId":"...","start":1,"end":2},"compare":{...},
/// "format":"trace-patch-v0"}. Times are Unix seconds and may be absent.
struct TraceDiffRequest {
  TraceId base;
  TimeWindow base_window;
  TraceId compare;
  TimeWindow compare_window;
  std::string format;
};

/// kInvalidArgument naming what is wrong. Keys may be of either case, as Go reads them.
Result<TraceDiffRequest> ReadTraceDiffRequest(std::string_view body);

/// The document of that format. kNotFound without one of the traces; kFailedPrecondition for traces
/// or differences that are too large.
Result<std::string> DiffTraces(const TempoQueries& queries, const TraceDiffRequest& request,
                               const TempoQueries::Interrupted& interrupted);

/// POST /api/v2/traces/diff. 404 `Not Found` without one of the traces, 422 for too large ones.
void RegisterTraceDiff(const TempoQueries& queries, http::Router* router);

}  // namespace tocsin::api
