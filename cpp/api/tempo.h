/// The trace half of the API over HTTP, as Tempo's clients (Grafana first) call it: search and what
/// completion needs. Traces by id are in trace_by_id.h, the same over gRPC in tempo_stream.h.

#pragma once

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// GET /api/search, /api/search/tags, /api/search/tag/{name}/values, the last two also as v2
/// (/api/v2/...), and /api/echo. Borrows `queries`, which outlives the router's use.
void RegisterTempo(const TempoQueries& queries, http::Router* router);

}  // namespace tocsin::api
