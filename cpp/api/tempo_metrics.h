/// TraceQL metrics over HTTP, as Tempo's clients call them; and what gRPC shares with it.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cpp/api/metrics_request.h"
#include "cpp/api/query_gate.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/source.h"

namespace tocsin::api {

struct TempoMetricsOptions {
  std::string tenant;
  bool strict_traceql = false;            ///< Refuse what Tempo's own parser refuses.
  std::function<Nanos()> max_range = {};  ///< Of one query, at this moment; 0: any. Empty: a day.
  uint32_t max_series = 1'000;    ///< In one answer, also where the client asks for more; 0: any.
  uint32_t max_exemplars = 100;   ///< In one answer, and what a client gets that does not say.
  Nanos query_timeout = 0;        ///< Of one query over HTTP; 0: none.
  ThreadPool* helpers = nullptr;  ///< Help one query where there is much to read; borrowed.
  MemoryPool* memory = nullptr;   ///< As in traceql::MetricsOptions.
};

/// Defaults, limits, evaluation. kInvalidArgument for what can never be answered; its message is
/// for the client. `interrupted` as in traceql::MetricsOptions; may be empty.
Result<traceql::MetricsResult> RunMetrics(const traceql::SpanSource& source,
                                          const TempoMetricsOptions& options,
                                          const MetricsRequest& request,
                                          std::function<Status()> interrupted);

/// GET and POST /api/metrics/query_range and /api/metrics/query. Borrows source and gate; both
/// outlive the router's use.
void RegisterTempoMetrics(const traceql::SpanSource& source, QueryGate& gate,
                          TempoMetricsOptions options, http::Router* router);

}  // namespace tocsin::api
