#include "cpp/api/tempo_metrics.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/interrupt.h"
#include "cpp/api/metrics_json.h"
#include "cpp/base/duration.h"
#include "cpp/traceql/parser.h"

namespace tocsin::api {
namespace {

// The lower of two limits of which 0 means none.
uint32_t Lower(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

Result<traceql::MetricsOptions> ResolveOptions(const TempoMetricsOptions& limits,
                                               const MetricsRequest& request) {
  if (request.start == 0 || request.end == 0) {
    return InvalidArgumentError("a metrics query needs a start and an end");
  }
  if (request.end <= request.start) {
    return InvalidArgumentError("the end of the range must be after its start");
  }
  if (request.end > static_cast<uint64_t>(INT64_MAX) - static_cast<uint64_t>(kDay)) {
    return InvalidArgumentError("the end of the range is later than any time there is");
  }
  const Nanos max_range = limits.max_range ? limits.max_range() : kDay;
  if (max_range > 0 && request.end - request.start > static_cast<uint64_t>(max_range)) {
    return InvalidArgumentError(
        "metrics query time range exceeds the maximum allowed duration of " +
        FormatDuration(max_range));
  }
  traceql::MetricsOptions options;
  options.start = request.start;
  options.end = request.end;
  options.step = request.step > 0 ? request.step : DefaultMetricsStep(request.start, request.end);
  options.instant = request.instant;
  options.exemplars =
      std::min(request.exemplars.value_or(limits.max_exemplars), limits.max_exemplars);
  options.max_series = Lower(request.max_series, limits.max_series);
  return options;
}

class TempoMetricsApi {
 public:
  TempoMetricsApi(const traceql::SpanSource& source, QueryGate& gate, TempoMetricsOptions options)
      : source_(source), gate_(gate), options_(std::move(options)) {}

  http::Response Answer(const http::Request& request, bool instant) const {
    const Result<traceql::MetricsResult> result = Run(request, instant);
    if (!result) return TextError(result.error());
    return http::Response::Json(200, instant ? QueryInstantJson(*result) : QueryRangeJson(*result));
  }

 private:
  Result<traceql::MetricsResult> Run(const http::Request& request, bool instant) const {
    TOCSIN_ASSIGN_OR_RETURN(const MetricsRequest asked,
                            ReadMetricsRequest(request, instant, Clock::Real().Now()));
    const auto interrupted =
        InterruptWhen([&request] { return request.Cancelled(); }, options_.query_timeout);
    TOCSIN_ASSIGN_OR_RETURN(const QueryGate::Pass pass, gate_.Enter(interrupted));
    return RunMetrics(source_, options_, asked, interrupted);
  }

  const traceql::SpanSource& source_;
  QueryGate& gate_;
  const TempoMetricsOptions options_;
};

}  // namespace

Result<traceql::MetricsResult> RunMetrics(const traceql::SpanSource& source,
                                          const TempoMetricsOptions& options,
                                          const MetricsRequest& request,
                                          std::function<Status()> interrupted) {
  const Result<traceql::Query> query =
      traceql::Parse(request.query, {.strict = options.strict_traceql});
  if (!query) return Failure(query.error().WithContext("invalid TraceQL query"));
  TOCSIN_ASSIGN_OR_RETURN(traceql::MetricsOptions evaluation, ResolveOptions(options, request));
  evaluation.interrupted = std::move(interrupted);
  evaluation.helpers.pool = options.helpers;
  evaluation.memory = options.memory;
  const traceql::MetricsWindow window = traceql::WindowOf(evaluation);
  return traceql::EvaluateMetrics(*source.View(options.tenant, window.from, window.to), *query,
                                  evaluation);
}

void RegisterTempoMetrics(const traceql::SpanSource& source, QueryGate& gate,
                          TempoMetricsOptions options, http::Router* router) {
  const auto api = std::make_shared<const TempoMetricsApi>(source, gate, std::move(options));
  for (const std::string_view method : {"GET", "POST"}) {
    router->Handle(method, "/api/metrics/query_range",
                   [api](const http::Request& request) { return api->Answer(request, false); });
    router->Handle(method, "/api/metrics/query",
                   [api](const http::Request& request) { return api->Answer(request, true); });
  }
}

}  // namespace tocsin::api
