// Selectors and subqueries: what is read from the source, and at which times.

#include <algorithm>
#include <optional>
#include <utility>

#include "cpp/promql/evaluator.h"
#include "cpp/promql/smoothing.h"

namespace tocsin::promql {
namespace {

// Of a step that looks at `time`: the last sample at or before it that is not older than the
// lookback. Steps move forward, and `next` (the first sample after `time`) with them.
const Sample* LastSample(const std::vector<Sample>& samples, Millis time, Millis lookback,
                         size_t* next) {
  while (*next < samples.size() && samples[*next].t <= time) ++*next;
  if (*next == 0) return nullptr;
  const Sample& sample = samples[*next - 1];
  if (sample.t <= time - lookback || IsStaleNan(sample.v)) return nullptr;
  return &sample;
}

void RemoveStaleMarkers(std::vector<Sample>* samples) {
  std::erase_if(*samples, [](const Sample& sample) { return IsStaleNan(sample.v); });
}

std::vector<Sample> ToSamples(const StepSeries& series, const Steps& steps) {
  std::vector<Sample> samples;
  samples.reserve(series.values.size());
  for (size_t step = series.first; step < series.end(); ++step) {
    const double value = series.At(step);
    if (!IsAbsent(value)) samples.push_back({steps.At(step), value});
  }
  return samples;
}

const TimeShift& ShiftOfMatrix(const Expr& matrix) {
  if (const auto* subquery = matrix.As<Subquery>()) return subquery->shift;
  return matrix.As<MatrixSelector>()->selector.shift;
}

}  // namespace

Result<ReferenceTimes> Evaluator::ResolveShift(const TimeShift& shift) const {
  ReferenceTimes times{steps_, std::nullopt, 0};
  if (shift.offset) {
    TOCSIN_ASSIGN_OR_RETURN(times.offset,
                            EvaluateDuration(*shift.offset, context_.durations(), false));
  }
  switch (shift.at) {
    case TimeShift::At::kNone:
      break;
    case TimeShift::At::kTimestamp:
      times.fixed = shift.timestamp;
      break;
    case TimeShift::At::kStart:
      times.fixed = context_.range().start;
      break;
    case TimeShift::At::kEnd:
      times.fixed = context_.range().end;
      break;
  }
  return times;
}

Result<Millis> Evaluator::RangeOf(const Expr& matrix) const {
  const auto* subquery = matrix.As<Subquery>();
  const Duration& range =
      subquery != nullptr ? subquery->range : matrix.As<MatrixSelector>()->range;
  return EvaluateDuration(range, context_.durations(), true);
}

Result<StepVector> Evaluator::EvalSelector(const VectorSelector& selector, bool timestamps) {
  TOCSIN_ASSIGN_OR_RETURN(const ReferenceTimes times, ResolveShift(selector.shift));
  const Millis lookback = context_.lookback();
  const bool smoothed = selector.smoothed && !timestamps;
  StepVector result;
  std::vector<double> dense(steps_.count);
  const auto visit = [&](SeriesData&& series) -> Status {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    if (smoothed) RemoveStaleMarkers(&series.samples);
    size_t next = 0;
    for (size_t step = 0; step < steps_.count; ++step) {
      if (smoothed) {
        dense[step] = SmoothedValue(series.samples, times.At(step), lookback);
        continue;
      }
      const Sample* sample = LastSample(series.samples, times.At(step), lookback, &next);
      if (sample == nullptr) {
        dense[step] = Absent();
      } else {
        dense[step] = timestamps ? static_cast<double>(sample->t) / 1000 : sample->v;
      }
    }
    StepSeries values = StepSeries::Make(std::move(series.labels), dense);
    if (values.values.empty()) return Status();
    TOCSIN_RETURN_IF_ERROR(context_.Charge(values.values.size()));
    result.push_back(std::move(values));
    return Status();
  };
  const Millis to = times.last() + (smoothed ? lookback : 0);
  TOCSIN_RETURN_IF_ERROR(
      context_.source().Visit(selector.matchers, times.first() - lookback + 1, to, visit));
  return result;
}

Result<WindowGrid> Evaluator::GridOf(const Expr& matrix) const {
  WindowGrid grid;
  TOCSIN_ASSIGN_OR_RETURN(grid.times, ResolveShift(ShiftOfMatrix(matrix)));
  TOCSIN_ASSIGN_OR_RETURN(grid.range, RangeOf(matrix));
  if (const auto* selector = matrix.As<MatrixSelector>()) {
    if (selector->selector.anchored || selector->selector.smoothed) {
      grid.extend_left = context_.lookback();
    }
    if (selector->selector.smoothed) grid.extend_right = context_.lookback();
  }
  return grid;
}

Status Evaluator::VisitRange(const Expr& matrix, const WindowGrid& grid,
                             const RangeVisitor& visitor) {
  if (const auto* subquery = matrix.As<Subquery>()) return VisitSubquery(*subquery, grid, visitor);
  const auto visit = [&](SeriesData&& series) -> Status {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    RemoveStaleMarkers(&series.samples);
    if (series.samples.empty()) return Status();
    // Held while the visitor works on it, and given back with it.
    const size_t raw = series.samples.size();
    TOCSIN_RETURN_IF_ERROR(context_.Charge(raw));
    TOCSIN_RETURN_IF_ERROR(
        visitor(RangeSeries{std::move(series.labels), false, std::move(series.samples)}));
    context_.Release(raw);
    return Status();
  };
  const VectorSelector& selector = matrix.As<MatrixSelector>()->selector;
  return context_.source().Visit(selector.matchers, grid.earliest(), grid.latest(), visit);
}

// A subquery is evaluated once, at all of its own steps that any window needs, and its results are
// then windowed as samples are.
Status Evaluator::VisitSubquery(const Subquery& subquery, const WindowGrid& grid,
                                const RangeVisitor& visitor) {
  Millis step = context_.options().default_subquery_step;
  if (subquery.step) {
    TOCSIN_ASSIGN_OR_RETURN(step, EvaluateDuration(*subquery.step, context_.durations(), true));
    step = std::max<Millis>(step, 1);
  }
  // Its steps are the multiples of the step, whatever the time of the query is.
  const Millis after = grid.Start(0);
  Millis start = step * (after / step);
  if (start <= after) start += step;
  const Millis end = grid.times.last();
  if (end < start) return Status();
  const auto count = static_cast<size_t>((end - start) / step) + 1;
  if (count > context_.options().max_samples) {
    return ResourceExhaustedError("a subquery has more steps than a query may hold samples");
  }
  const Steps steps{start, step, count};
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector,
                          Evaluator(&context_, steps).EvalVector(*subquery.expr));
  for (StepSeries& series : vector) {
    std::vector<Sample> samples = ToSamples(series, steps);
    if (samples.empty()) continue;
    TOCSIN_RETURN_IF_ERROR(
        visitor(RangeSeries{std::move(series.labels), series.drop_name, std::move(samples)}));
    context_.Release(series.values.size());
    series.values = {};
  }
  return Status();
}

Result<std::vector<RangeSeries>> Evaluator::EvalMatrix(const Expr& expr) {
  const Expr& matrix = expr.Unwrapped();
  TOCSIN_ASSIGN_OR_RETURN(const WindowGrid grid, GridOf(matrix));
  const auto* selector = matrix.As<MatrixSelector>();
  const bool extended = grid.extend_left > 0;
  std::vector<RangeSeries> result;
  const auto visit = [&](RangeSeries&& series) -> Status {
    std::vector<Sample> kept;
    ForEachWindow(series.samples, grid, [&](const Window& window) {
      kept = extended ? ExtendToEdges(window, selector->selector.smoothed)
                      : std::vector<Sample>(window.samples().begin(), window.samples().end());
    });
    if (kept.empty()) return Status();
    TOCSIN_RETURN_IF_ERROR(context_.Charge(kept.size()));
    series.samples = std::move(kept);
    result.push_back(std::move(series));
    return Status();
  };
  TOCSIN_RETURN_IF_ERROR(VisitRange(matrix, grid, visit));
  return result;
}

}  // namespace tocsin::promql
