// traceql(): what a port makes of spans, as a vector.

#include <utility>

#include "cpp/promql/evaluator.h"

namespace tocsin::promql {

// Of a selector pinned by `@` there is one step: EvalVector() sees to that.
Result<StepVector> Evaluator::EvalTraces(const TraceqlSelector& selector) {
  const TraceSelector* traces = context_.options().traces;
  if (traces == nullptr) return FailedPreconditionError("traceql() is not available here");
  TraceRequest request;
  request.query = selector.query;
  request.window = context_.lookback();
  if (selector.window) {
    TOCSIN_ASSIGN_OR_RETURN(request.window,
                            EvaluateDuration(*selector.window, context_.durations(), true));
  }
  TOCSIN_ASSIGN_OR_RETURN(const ReferenceTimes times, ResolveShift(selector.shift));
  request.times = {times.first(), steps_.step, steps_.count};
  request.interrupted = context_.Interrupted();
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, traces->Select(request));
  if (!context_.counts_samples()) return vector;
  for (const StepSeries& series : vector) {
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!IsAbsent(series.At(step))) context_.CountSamples(steps_.At(step), 1);
    }
  }
  return vector;
}

}  // namespace tocsin::promql
