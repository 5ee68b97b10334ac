/// The metrics half of the API, as Prometheus's clients call it: instant and range queries, and
/// what can be said of an expression without evaluating it.

#pragma once

#include "cpp/api/query_gate.h"
#include "cpp/base/clock.h"
#include "cpp/http/router.h"
#include "cpp/promql/engine.h"
#include "cpp/promql/source.h"

namespace tocsin::api {

/// What the handlers ask. Borrowed; outlives the router's use.
struct PromQlBackend {
  const promql::Engine* engine = nullptr;
  const promql::SeriesSource* series = nullptr;
  QueryGate* gate = nullptr;
  const Clock* clock = nullptr;
};

/// GET and POST /api/v1/query, /query_range, /format_query, /parse_query. A range of more than
/// 11,000 points a series is refused, as by Prometheus. A query ends when its client has gone.
void RegisterPrometheus(const PromQlBackend& backend, http::Router* router);

}  // namespace tocsin::api
