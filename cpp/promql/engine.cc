#include "cpp/promql/engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cpp/promql/evaluator.h"
#include "cpp/promql/query_context.h"

namespace tocsin::promql {
namespace {

// Far beyond any calendar, and far enough from the ends of int64 to add ranges and offsets to it.
constexpr Millis kMostDistant = 1'000'000'000'000'000'000;

Status CheckTime(Millis t) {
  if (t >= -kMostDistant && t <= kMostDistant) return Status();
  return InvalidArgumentError("a time of the query is out of range: " + std::to_string(t));
}

// The names whose removal was put off until now.
Status Finish(const EngineOptions& options, StepVector* vector) {
  if (!options.delayed_name_removal) return Status();
  for (StepSeries& series : *vector) {
    if (series.drop_name) DropMetricName(&series.labels);
  }
  return MergeSameLabels(vector);
}

MatrixValue ToMatrix(StepVector vector, const Steps& steps) {
  MatrixValue matrix;
  for (StepSeries& series : vector) {
    SeriesData data{.labels = std::move(series.labels)};
    data.samples.reserve(series.values.size());
    for (size_t step = series.first; step < series.end(); ++step) {
      if (series.HistogramAt(step) != nullptr) {
        data.histograms.push_back({steps.At(step), series.histograms[step - series.first]});
      } else if (!IsAbsent(series.At(step))) {
        data.samples.push_back({steps.At(step), series.At(step)});
      }
    }
    series.values = {};
    series.histograms = {};
    if (!data.samples.empty() || !data.histograms.empty()) {
      matrix.series.push_back(std::move(data));
    }
  }
  // A source shows its series in order, and much of what is done with them keeps it.
  if (!std::ranges::is_sorted(matrix.series, {}, &SeriesData::labels)) {
    std::ranges::sort(matrix.series, {}, &SeriesData::labels);
  }
  return matrix;
}

Result<MatrixValue> ToMatrix(std::vector<RangeSeries> ranges, const EngineOptions& options) {
  MatrixValue matrix;
  for (RangeSeries& series : ranges) {
    if (options.delayed_name_removal && series.drop_name) DropMetricName(&series.labels);
    matrix.series.push_back(
        {std::move(series.labels), std::move(series.samples), std::move(series.histograms)});
  }
  std::ranges::stable_sort(matrix.series, {}, &SeriesData::labels);
  const auto same = std::ranges::adjacent_find(matrix.series, {}, &SeriesData::labels);
  if (same != matrix.series.end()) {
    return FailedPreconditionError("vector cannot contain metrics with the same labelset");
  }
  return matrix;
}

Result<Value> EvalInstant(const Expr& expr, QueryContext* context, const Steps& steps) {
  Evaluator evaluator(context, steps);
  switch (expr.type()) {
    case ValueType::kScalar: {
      TOCSIN_ASSIGN_OR_RETURN(const StepScalars values, evaluator.EvalScalar(expr));
      return ScalarValue{{steps.start, values.front()}};
    }
    case ValueType::kString:
      return StringValue{steps.start, expr.Unwrapped().As<StringLiteral>()->value};
    case ValueType::kMatrix: {
      TOCSIN_ASSIGN_OR_RETURN(std::vector<RangeSeries> ranges, evaluator.EvalMatrix(expr));
      return ToMatrix(std::move(ranges), context->options());
    }
    case ValueType::kVector:
      break;
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, evaluator.EvalVector(expr));
  TOCSIN_RETURN_IF_ERROR(Finish(context->options(), &vector));
  VectorValue value;
  for (StepSeries& series : vector) {
    if (!series.Has(0)) continue;
    VectorSample& sample = value.samples.emplace_back();
    sample.labels = std::move(series.labels);
    sample.sample.t = steps.start;
    if (series.HistogramAt(0) != nullptr) {
      sample.histogram = series.histograms[0 - series.first];
    } else {
      sample.sample.v = series.At(0);
    }
  }
  return value;
}

QueryResult MakeResult(Value value, std::string_view query, QueryContext* context) {
  const Annotations& annotations = context->annotations();
  return {std::move(value), annotations.Warnings(query), annotations.Infos(query),
          context->TakeStats()};
}

}  // namespace

Result<QueryResult> Engine::Query(std::string_view query, const SeriesSource& source, Millis t,
                                  const QueryOptions& options) const {
  TOCSIN_ASSIGN_OR_RETURN(const Expr expr, Parse(query, options_.parser));
  return QueryParsed(expr, query, source, t, options);
}

Result<QueryResult> Engine::QueryParsed(const Expr& expr, std::string_view query,
                                        const SeriesSource& source, Millis t,
                                        const QueryOptions& options) const {
  TOCSIN_RETURN_IF_ERROR(CheckTime(t));
  QueryContext context(source, options_, clock_, options);
  context.SetRange({t, t, 0});
  TOCSIN_ASSIGN_OR_RETURN(Value value, EvalInstant(expr, &context, {t, 1, 1}));
  return MakeResult(std::move(value), query, &context);
}

Result<QueryResult> Engine::QueryRange(std::string_view query, const SeriesSource& source,
                                       const TimeRange& range, const QueryOptions& options) const {
  TOCSIN_ASSIGN_OR_RETURN(const Expr expr, Parse(query, options_.parser));
  const ValueType type = expr.type();
  if (type != ValueType::kScalar && type != ValueType::kVector) {
    return InvalidArgumentError("invalid expression type \"" + std::string(ValueTypeName(type)) +
                                "\" for range query, must be Scalar or instant Vector");
  }
  TOCSIN_RETURN_IF_ERROR(CheckTime(range.start));
  TOCSIN_RETURN_IF_ERROR(CheckTime(range.end));
  if (range.step <= 0) return InvalidArgumentError("the step of a range query must be positive");
  if (range.end < range.start) {
    return InvalidArgumentError("the end of a range query lies before its start");
  }
  const auto count = static_cast<size_t>((range.end - range.start) / range.step) + 1;
  QueryContext context(source, options_, clock_, options);
  context.SetRange(range);
  // Before anything of that size is made.
  TOCSIN_RETURN_IF_ERROR(context.Charge(count));
  context.Release(count);
  const Steps steps{range.start, range.step, count};
  Evaluator evaluator(&context, steps);
  StepVector vector;
  if (type == ValueType::kScalar) {
    TOCSIN_ASSIGN_OR_RETURN(const StepScalars values, evaluator.EvalScalar(expr));
    vector.push_back(StepSeries::Make(Labels(), values));
  } else {
    TOCSIN_ASSIGN_OR_RETURN(vector, evaluator.EvalVector(expr));
    TOCSIN_RETURN_IF_ERROR(Finish(options_, &vector));
  }
  return MakeResult(ToMatrix(std::move(vector), steps), query, &context);
}

}  // namespace tocsin::promql
