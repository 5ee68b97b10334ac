#include "cpp/api/prometheus.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "cpp/api/expression_json.h"
#include "cpp/api/interrupt.h"
#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/api/prometheus_routes.h"
#include "cpp/lib/json.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/pretty.h"
#include "cpp/promql/result_json.h"

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
  if (params.Text("timeout")) {
    TOCSIN_ASSIGN_OR_RETURN(const Millis timeout, params.Step("timeout"));
    options.timeout = timeout * kMillisecond;
  }
  if (const auto stats = params.Text("stats")) {
    options.stats = true;
    options.per_step_stats = *stats == "all";
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

// Seconds of real time that passed between two moments, as a JSON number.
using SteadyClock = std::chrono::steady_clock;
double SecondsBetween(SteadyClock::time_point from, SteadyClock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

struct Timings {
  SteadyClock::time_point asked;
  SteadyClock::time_point entered;
  SteadyClock::time_point done;
};

std::string StatsJson(const promql::QueryStats& stats, const Timings& timings, bool per_step) {
  const double evaluation = SecondsBetween(timings.entered, timings.done);
  lib::JsonWriter w;
  w.BeginObject().Key("timings").BeginObject();
  w.Key("evalTotalTime").Double(evaluation).Key("resultSortTime").Double(0);
  w.Key("queryPreparationTime").Double(0).Key("innerEvalTime").Double(evaluation);
  w.Key("execQueueTime").Double(SecondsBetween(timings.asked, timings.entered));
  w.Key("execTotalTime").Double(SecondsBetween(timings.asked, timings.done)).EndObject();
  w.Key("samples").BeginObject();
  if (per_step) {
    w.Key("totalQueryableSamplesPerStep").BeginArray();
    for (const auto& [time, samples] : stats.samples_per_step) {
      w.BeginArray();
      promql::WriteTimestamp(time, &w);
      w.Uint(samples).EndArray();
    }
    w.EndArray();
  }
  w.Key("totalQueryableSamples").Uint(stats.total_samples);
  w.Key("peakSamples").Uint(stats.peak_samples).EndObject().EndObject();
  return std::move(w).Take();
}

class PrometheusApi {
 public:
  explicit PrometheusApi(const PromQlBackend& backend) : backend_(backend) {}

  http::Response Instant(const http::Request& request) const {
    const Params params(request);
    return Answer(request, params,
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
    return Answer(request, params,
                  [&](std::string_view query,
                      const promql::QueryOptions& options) -> Result<promql::QueryResult> {
                    TOCSIN_ASSIGN_OR_RETURN(const promql::TimeRange range, ReadRange(params));
                    return backend_.engine->QueryRange(query, *backend_.series, range, options);
                  });
  }

  http::Response Format(const http::Request& request) const {
    const Result<promql::Expr> expr = ParseQueryOf(request);
    if (!expr) return PrometheusError(expr.error());
    lib::JsonWriter w;
    w.String(promql::Pretty(*expr));
    return PrometheusSuccess(w.text());
  }

  http::Response Parse(const http::Request& request) const {
    const Result<promql::Expr> expr = ParseQueryOf(request);
    return expr ? PrometheusSuccess(ExpressionJson(*expr)) : PrometheusError(expr.error());
  }

 private:
  Result<promql::Expr> ParseQueryOf(const http::Request& request) const {
    const Params params(request);
    TOCSIN_ASSIGN_OR_RETURN(const std::string_view query, QueryText(params));
    Result<promql::Expr> expr = promql::Parse(query, backend_.engine->options().parser);
    if (!expr) return Failure(expr.error().WithContext("invalid parameter \"query\""));
    return expr;
  }

  template <class Evaluate>
  http::Response Answer(const http::Request& request, const Params& params,
                        const Evaluate& evaluate) const {
    Timings timings{.asked = SteadyClock::now(), .entered = {}, .done = {}};
    const Result<std::string_view> query = QueryText(params);
    if (!query) return PrometheusError(query.error());
    Result<promql::QueryOptions> options = ReadOptions(params);
    if (!options) return PrometheusError(options.error());
    const Result<int64_t> limit = params.Int("limit", 0, 0, INT64_MAX);
    if (!limit) return PrometheusError(limit.error());
    options->interrupted = InterruptWhen([&request] { return request.Cancelled(); }, 0);
    const Result<QueryGate::Pass> pass = backend_.gate->Enter(options->interrupted);
    if (!pass) {
      return pass.error().code() == StatusCode::kResourceExhausted ? PrometheusBusy(pass.error())
                                                                   : PrometheusError(pass.error());
    }
    timings.entered = SteadyClock::now();
    Result<promql::QueryResult> result = evaluate(*query, *options);
    if (!result) return PrometheusError(result.error());
    timings.done = SteadyClock::now();
    Limit(static_cast<size_t>(*limit), &*result);
    if (!options->stats) return PrometheusResult(*result);
    return PrometheusResult(*result, StatsJson(result->stats, timings, options->per_step_stats));
  }

  const PromQlBackend backend_;
};

}  // namespace

void RegisterPrometheus(const PromQlBackend& backend, http::Router* router) {
  const PrometheusRoutes routes(std::make_shared<const PrometheusApi>(backend), router);
  routes.Add(kGetOrPost, "/api/v1/query", &PrometheusApi::Instant);
  routes.Add(kGetOrPost, "/api/v1/query_range", &PrometheusApi::Range);
  routes.Add(kGetOrPost, "/api/v1/format_query", &PrometheusApi::Format);
  routes.Add(kGetOrPost, "/api/v1/parse_query", &PrometheusApi::Parse);
}

}  // namespace tocsin::api
