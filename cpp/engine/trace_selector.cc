#include "cpp/engine/trace_selector.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/parser.h"

namespace tocsin::engine {
namespace {

// Of traces nobody asks further away than this from 1970, and it can be counted in nanoseconds.
constexpr Millis kMostDistant = INT64_MAX / kMillisecond;

const traceql::MetricsFunction* FindCompare(const traceql::SeriesExpr& expr) {
  const bool is_compare = expr.kind == traceql::SeriesExpr::Kind::kFunction &&
                          expr.function.kind == traceql::MetricsFunction::Kind::kCompare;
  if (is_compare) return &expr.function;
  for (const traceql::SeriesExpr& arg : expr.args) {
    if (const auto* found = FindCompare(arg)) return found;
  }
  return nullptr;
}

std::optional<promql::TraceQueryError> Refusal(const traceql::Query& query) {
  if (!query.metrics) {
    return promql::TraceQueryError{
        1, 1,
        "spans alone are no numbers: add a metrics function such as `| rate()` or "
        "`| count_over_time()`"};
  }
  if (const auto* compare = FindCompare(*query.metrics)) {
    return promql::TraceQueryError{compare->at.line, compare->at.column,
                                   "compare() is not possible here: what it compares is chosen by "
                                   "a whole range of time"};
  }
  return std::nullopt;
}

// The position that an error of the parser begins with, and the rest.
promql::TraceQueryError Located(std::string_view message) {
  promql::TraceQueryError error;
  error.message = message;
  const auto take = [&message](std::string_view before, uint32_t* number) {
    if (!message.starts_with(before)) return false;
    message.remove_prefix(before.size());
    const auto [end, code] =
        std::from_chars(message.data(), message.data() + message.size(), *number);
    if (code != std::errc()) return false;
    message.remove_prefix(static_cast<size_t>(end - message.data()));
    return true;
  };
  uint32_t line = 0;
  uint32_t column = 0;
  const bool located = take("parse error at line ", &line) && take(", col ", &column) &&
                       message.starts_with(": ") && line > 0 && column > 0;
  if (located) error = {line, column, std::string(message.substr(2))};
  return error;
}

std::optional<promql::TraceQueryError> Check(std::string_view text, bool strict) {
  const Result<traceql::Query> query = traceql::Parse(text, {.strict = strict});
  return query ? Refusal(*query) : Located(query.error().message());
}

Result<traceql::Query> ParseAccepted(std::string_view text, bool strict) {
  Result<traceql::Query> query = traceql::Parse(text, {.strict = strict});
  if (!query) return Failure(query.error().WithContext("in traceql()"));
  if (const auto refusal = Refusal(*query)) {
    return InvalidArgumentError("in traceql(): " + refusal->message);
  }
  return query;
}

Result<traceql::SlidingWindows> WindowsOf(const promql::TraceRequest& request) {
  const promql::Steps& times = request.times;
  const bool in_time = times.start >= -kMostDistant && times.start <= kMostDistant &&
                       times.step <= kMostDistant && request.window <= kMostDistant &&
                       times.count <= traceql::kMaxMetricsIntervals;
  if (!in_time) {
    return InvalidArgumentError("the times of traceql() are out of range, or more than " +
                                std::to_string(traceql::kMaxMetricsIntervals));
  }
  return traceql::SlidingWindows{.first = times.start * kMillisecond,
                                 .step = times.step * kMillisecond,
                                 .count = static_cast<uint32_t>(times.count),
                                 .length = request.window * kMillisecond};
}

// Without a metric name: a value of traceql() is no sample of one.
Labels LabelsOf(const traceql::MetricsSeries& series) {
  Labels labels;
  for (const traceql::MetricsLabel& label : series.labels) {
    if (label.name == kMetricName) continue;
    labels.Set(label.name, traceql::LabelText(label.value));
  }
  return labels;
}

promql::StepVector VectorOf(traceql::MetricsResult result) {
  promql::StepVector vector;
  vector.reserve(result.series.size());
  for (traceql::MetricsSeries& series : result.series) {
    for (double& value : series.values) {
      if (std::isnan(value)) value = promql::Absent();
    }
    vector.push_back(promql::StepSeries::Make(LabelsOf(series), series.values));
    series.values = {};
  }
  std::ranges::sort(vector, {}, &promql::StepSeries::labels);
  return vector;
}

}  // namespace

std::optional<promql::TraceQueryError> CheckTraceQuery(std::string_view query) {
  return Check(query, false);
}

std::optional<promql::TraceQueryError> CheckStrictTraceQuery(std::string_view query) {
  return Check(query, true);
}

Result<promql::StepVector> TraceSelector::Select(const promql::TraceRequest& request) const {
  TOCSIN_ASSIGN_OR_RETURN(const traceql::Query query,
                          ParseAccepted(request.query, options_.strict));
  traceql::MetricsOptions evaluation;
  TOCSIN_ASSIGN_OR_RETURN(evaluation.sliding, WindowsOf(request));
  evaluation.text_groups = true;
  evaluation.interrupted = request.interrupted;
  evaluation.helpers = options_.helpers;
  evaluation.memory = options_.memory;
  const traceql::MetricsWindow range = traceql::WindowOf(evaluation);
  TOCSIN_ASSIGN_OR_RETURN(
      traceql::MetricsResult result,
      traceql::EvaluateMetrics(*source_.View(options_.tenant, range.from, range.to), query,
                               evaluation));
  promql::StepVector vector = VectorOf(std::move(result));
  const auto same = std::ranges::adjacent_find(vector, {}, &promql::StepSeries::labels);
  if (same == vector.end()) return vector;
  return FailedPreconditionError("several series of traceql() have the labels " +
                                 same->labels.ToString());
}

}  // namespace tocsin::engine
