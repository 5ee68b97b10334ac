/// Jaeger's query API under /jaeger, for its pages and for Grafana: both versions of it over the
/// same spans as Tempo's API.
///
/// GET /jaeger/api/services, /api/services/{service}/operations, /api/operations, /api/traces,
/// /api/traces/{id}, /api/dependencies, /api/metrics/* (jaeger_metrics.h), and /api/v3/services,
/// /operations, /traces, /traces/{id}.
/// Names are those of everything that is stored. Traces are whole, the newest first.
///
/// A refusal is `{"data":null,...,"errors":[{"code":400,"msg":"..."}]}`, in version 3
/// `{"error":{"httpCode":400,"message":"..."}}`: 400 for what cannot be read, 404 for an unknown
/// trace (in version 3 also for a search that finds none), 422 above max_trace_bytes, else as
/// docs/errors.md has it.

#pragma once

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// Borrows `queries`, which outlives the router's use.
void RegisterJaeger(const TempoQueries& queries, http::Router* router);

}  // namespace tocsin::api
