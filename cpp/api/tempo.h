/// The trace half of the API, as Tempo's clients (Grafana first) call it: traces by id and search.

#pragma once

#include <string>

#include "cpp/api/query_gate.h"
#include "cpp/http/router.h"
#include "cpp/traceql/source.h"

namespace tocsin::api {

struct TempoOptions {
  std::string tenant;
  bool strict_traceql = false;  ///< Refuse what Tempo's own parser refuses.
};

/// GET /api/traces/{id}, /api/v2/traces/{id}, /api/search, /api/echo. Borrows source and gate; both
/// outlive the router's use.
void RegisterTempo(const traceql::SpanSource& source, QueryGate& gate, TempoOptions options,
                   http::Router* router);

}  // namespace tocsin::api
