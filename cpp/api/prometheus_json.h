/// Answers in the envelope of Prometheus's HTTP API.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/promql/value.h"

namespace tocsin::api {

/// {"status":"success","data":<data>}, and `warnings` if there are any. REQUIRES: `data` is JSON.
http::Response PrometheusSuccess(std::string_view data,
                                 const std::vector<std::string>& warnings = {});

/// {"status":"error","errorType":...,"error":...} with the status that Prometheus gives that type
/// of error; the codes are those of promql::Engine.
http::Response PrometheusError(const Status& status);

/// The same for a query that was not let in: 429.
http::Response PrometheusBusy(const Status& status);

/// A query's result with its warnings and infos. `stats`: JSON of what it has cost; may be empty.
http::Response PrometheusResult(const promql::QueryResult& result, std::string_view stats = {});

}  // namespace tocsin::api
