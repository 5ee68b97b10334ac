/// What Jaeger's page "Monitor" draws: rates, errors and latencies of services and operations. They
/// come from the spans themselves, so nothing needs to be generated for it.

#pragma once

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// GET /jaeger/api/metrics/calls, /errors, /latencies and /minstep. Each point tells of the spans
/// that start in the `ratePer` before it, exactly; latencies are in milliseconds, as
/// quantile_over_time() estimates them; errors are a share of the calls. Borrows `queries`, which
/// outlives the router's use.
void RegisterJaegerMetrics(const TempoQueries& queries, http::Router* router);

}  // namespace tocsin::api
