/// Traces by id, in both versions of Tempo's API.

#pragma once

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// GET /api/traces/{id} and /api/v2/traces/{id}: protobuf, JSON or short JSON, as Accept says. Of
/// an unknown trace version 1 answers 404, version 2 an empty trace. Of a trace above
/// max_trace_bytes version 1 answers 422, version 2 its beginning, marked as partial. Version 2
/// takes a filter of spans (trace_filter.h) and pruning (trace_pruning.h). Borrows `queries`, which
/// outlives the router's use.
void RegisterTraceById(const TempoQueries& queries, http::Router* router);

}  // namespace tocsin::api
