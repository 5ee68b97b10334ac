/// Answers in the envelope of Prometheus's HTTP API.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/lib/json.h"
#include "cpp/model/labels.h"
#include "cpp/promql/value.h"

namespace tocsin::api {

/// {"status":"success","data":<data>}. REQUIRES: `data` is JSON.
http::Response PrometheusSuccess(std::string_view data);

/// {"status":"error","errorType":...,"error":...} with the status that Prometheus gives that type
/// of error; the codes are those of promql::Engine.
http::Response PrometheusError(const Status& status);

/// The same for a query that was not let in: 429.
http::Response PrometheusBusy(const Status& status);

/// {"name":"value",...}
void WriteLabels(const Labels& labels, lib::JsonWriter* w);

/// A query's result with its warnings and infos.
http::Response PrometheusResult(const promql::QueryResult& result);

}  // namespace tocsin::api
