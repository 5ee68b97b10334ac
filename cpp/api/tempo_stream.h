/// tempopb.StreamingQuerier: what Grafana asks over gRPC when streaming is on, on the port of the
/// HTTP API. Every message of an answer tells what the ones before did not.

#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/api/metrics_request.h"
#include "cpp/api/tempo_queries.h"
#include "cpp/base/status.h"
#include "cpp/rpc/call.h"
#include "cpp/traceql/metrics.h"

namespace tocsin::api {

struct StreamBackend {
  const TempoQueries* queries = nullptr;  ///< Borrowed; outlives the server's use.
  /// Waits for its turn and evaluates.
  std::function<Result<traceql::MetricsResult>(const MetricsRequest& request,
                                               const std::function<Status()>& interrupted)>
      metrics;
};

/// Search, SearchTags, SearchTagsV2, SearchTagValues, SearchTagValuesV2, MetricsQueryRange and
/// MetricsQueryInstant, each with its full name. They are cancelled when their client leaves. Bad
/// queries are INVALID_ARGUMENT with the text that HTTP would give.
std::vector<std::pair<std::string, rpc::StreamHandler>> TempoStreams(StreamBackend backend);

}  // namespace tocsin::api
