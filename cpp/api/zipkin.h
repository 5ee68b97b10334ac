/// Zipkin's query API, for its pages and for Grafana, over the same spans as Tempo's API.
///
/// GET <prefix>/api/v2/services, /spans, /remoteServices, /traces, /trace/{id}, /traceMany,
/// /dependencies, /autocompleteKeys and /autocompleteValues. Names are those of everything that is
/// stored, in lower case. Traces are whole, the newest first. Dependencies are the edges between
/// services and to their peers (service_edges.h).
///
/// A refusal is text: 400 for what cannot be read, 404 for an unknown trace, 422 above
/// max_trace_bytes, else as docs/errors.md has it.

#pragma once

#include <string_view>

#include "cpp/api/tempo_queries.h"
#include "cpp/http/router.h"

namespace tocsin::api {

/// `prefix`: "/zipkin", or "" on a port of its own. Borrows `queries`, which outlives the router's
/// use.
void RegisterZipkin(const TempoQueries& queries, std::string_view prefix, http::Router* router);

}  // namespace tocsin::api
