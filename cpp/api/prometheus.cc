#include "cpp/api/prometheus.h"

#include <algorithm>

#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"

namespace tocsin::api {
namespace {

constexpr Millis kMaxPoints = 11'000;

Result<std::string_view> QueryText(const Params& params) {
  const auto text = params.Text("query");
  if (!text) return InvalidArgumentError("parameter query is missing");
  return *text;
}

Result<promql::QueryOptions> ReadOptions(const Params& params) {
  promql::QueryOptions options;
  if (params.Text("lookback_delta")) {
    TOCSIN_ASSIGN_OR_RETURN(options.lookback, params.Step("lookback_delta"));
  }
  return options;
}

// Cuts the result to `limit` series, with the warning that Prometheus gives; 0 is no limit.
void Limit(size_t limit, promql::QueryResult* result) {
  if (limit == 0) return;
  size_t had = 0;
  if (auto* vector = std::get_if<promql::VectorValue>(&result->value)) {
    had = vector->samples.size();
    vector->samples.resize(std::min(had, limit));
  } else if (auto* matrix = std::get_if<promql::MatrixValue>(&result->value)) {
    had = matrix->series.size();
    matrix->series.resize(std::min(had, limit));
  }
  if (had > limit) result->warnings.emplace_back("results truncated due to limit");
}

Result<promql::TimeRange> ReadRange(const Params& params) {
  promql::TimeRange range;
  TOCSIN_ASSIGN_OR_RETURN(range.start, params.Time("start", std::nullopt));
  TOCSIN_ASSIGN_OR_RETURN(range.end, params.Time("end", std::nullopt));
  if (range.end < range.start) {
    return InvalidArgumentError(
        "invalid parameter \"end\": end timestamp must not be before start time");
  }
  TOCSIN_ASSIGN_OR_RETURN(range.step, params.Step("step"));
  if ((range.end - range.start) / range.step > kMaxPoints) {
    return InvalidArgumentError(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
        "resolution (?step=XX)");
  }
  return range;
}

class PrometheusApi {
 public:
  explicit PrometheusApi(const PromQlBackend& backend) : backend_(backend) {}

  http::Response Instant(const http::Request& request) const {
    const Params params(request);
    return Answer(params,
                  [&](std::string_view query,
                      const promql::QueryOptions& options) -> Result<promql::QueryResult> {
                    TOCSIN_ASSIGN_OR_RETURN(
                        const Millis time,
                        params.Time("time", backend_.clock->Now() / kMillisecond));
                    return backend_.engine->Query(query, *backend_.series, time, options);
                  });
  }

  http::Response Range(const http::Request& request) const {
    const Params params(request);
    return Answer(params,
                  [&](std::string_view query,
                      const promql::QueryOptions& options) -> Result<promql::QueryResult> {
                    TOCSIN_ASSIGN_OR_RETURN(const promql::TimeRange range, ReadRange(params));
                    return backend_.engine->QueryRange(query, *backend_.series, range, options);
                  });
  }

 private:
  template <class Evaluate>
  http::Response Answer(const Params& params, const Evaluate& evaluate) const {
    const Result<std::string_view> query = QueryText(params);
    if (!query) return PrometheusError(query.error());
    const Result<promql::QueryOptions> options = ReadOptions(params);
    if (!options) return PrometheusError(options.error());
    const Result<int64_t> limit = params.Int("limit", 0, 0, INT64_MAX);
    if (!limit) return PrometheusError(limit.error());
    const Result<QueryGate::Pass> pass = backend_.gate->Enter();
    if (!pass) return PrometheusBusy(pass.error());
    Result<promql::QueryResult> result = evaluate(*query, *options);
    if (!result) return PrometheusError(result.error());
    Limit(static_cast<size_t>(*limit), &*result);
    return PrometheusResult(*result);
  }

  const PromQlBackend backend_;
};

}  // namespace

void RegisterPrometheus(const PromQlBackend& backend, http::Router* router) {
  const auto api = std::make_shared<const PrometheusApi>(backend);
  for (const char* method : {"GET", "POST"}) {
    router->Handle(method, "/api/v1/query",
                   [api](const http::Request& request) { return api->Instant(request); });
    router->Handle(method, "/api/v1/query_range",
                   [api](const http::Request& request) { return api->Range(request); });
  }
}

}  // namespace tocsin::api
