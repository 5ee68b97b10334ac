/// The map of services, as a page draws it.

#pragma once

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// GET /api/service_graph: `start` and `end` in Unix seconds, by default the last hour. The answer
/// (docs/jaeger_zipkin.md has every field) is the ServiceGraph with rates a second and shares of
/// errors. Borrows `queries`, which outlives the router's use.
void RegisterServiceGraph(const TempoQueries& queries, http::Router* router);

}  // namespace tocsin::api
