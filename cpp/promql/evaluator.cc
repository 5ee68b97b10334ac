#include "cpp/promql/evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <tuple>
#include <utility>

#include "cpp/promql/aggregation.h"
#include "cpp/promql/binary_operation.h"
#include "cpp/promql/group_aggregator.h"
#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {
namespace {

// The function's result depends on the time of evaluation even if its arguments do not.
bool DependsOnTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kDaysInMonth:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
    case FunctionId::kStartTimestamp:
    case FunctionId::kInfo:
      return true;
    default:
      return false;
  }
}

bool IsCallStepInvariant(const Call& call) {
  if (call.function->id == FunctionId::kTimestamp) {
    // Of a selector it is the time of the sample, of anything else that of the evaluation.
    const auto* selector = call.args[0].Unwrapped().As<VectorSelector>();
    return selector != nullptr && selector->shift.at != TimeShift::At::kNone;
  }
  return !DependsOnTime(call.function->id) && std::ranges::all_of(call.args, IsStepInvariant);
}

// A literal costs nothing to evaluate at every step.
bool IsLiteral(const Expr& expr) { return expr.Unwrapped().As<NumberLiteral>() != nullptr; }

}  // namespace

bool IsStepInvariant(const Expr& expr) {
  if (const auto* selector = expr.As<VectorSelector>()) {
    return selector->shift.at != TimeShift::At::kNone;
  }
  if (const auto* matrix = expr.As<MatrixSelector>()) {
    return matrix->selector.shift.at != TimeShift::At::kNone;
  }
  if (const auto* traces = expr.As<TraceqlSelector>()) {
    return traces->shift.at != TimeShift::At::kNone;
  }
  if (const auto* subquery = expr.As<Subquery>()) {
    return subquery->shift.at != TimeShift::At::kNone;
  }
  if (const auto* call = expr.As<Call>()) return IsCallStepInvariant(*call);
  bool invariant = true;
  ForEachChild(
      expr, [&invariant](const Expr& child) { invariant = invariant && IsStepInvariant(child); });
  return invariant;
}

const std::string& StringArgument(const Call& call, size_t index) {
  return call.args[index].Unwrapped().As<StringLiteral>()->value;
}

Result<StepScalars> Evaluator::EvalScalar(const Expr& expr) {
  TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
  if (steps_.count > 1 && !IsLiteral(expr) && IsStepInvariant(expr)) {
    TOCSIN_ASSIGN_OR_RETURN(const StepScalars once,
                            Evaluator(&context_, {steps_.start, steps_.step, 1}).EvalScalar(expr));
    return StepScalars(steps_.count, once.front());
  }
  return EvalScalarNode(expr);
}

Result<StepScalars> Evaluator::EvalScalarNode(const Expr& expr) {
  if (const auto* number = expr.As<NumberLiteral>()) {
    return StepScalars(steps_.count, number->value);
  }
  if (const auto* paren = expr.As<Paren>()) return EvalScalar(*paren->expr);
  if (const auto* unary = expr.As<Unary>()) {
    TOCSIN_ASSIGN_OR_RETURN(StepScalars values, EvalScalar(*unary->expr));
    if (unary->negative) std::ranges::transform(values, values.begin(), std::negate<>());
    return values;
  }
  if (const auto* binary = expr.As<Binary>()) {
    TOCSIN_ASSIGN_OR_RETURN(StepScalars left, EvalScalar(*binary->lhs));
    TOCSIN_ASSIGN_OR_RETURN(const StepScalars right, EvalScalar(*binary->rhs));
    for (size_t i = 0; i < left.size(); ++i) {
      left[i] = ScalarOperation(binary->op, left[i], right[i]);
    }
    return left;
  }
  return EvalScalarCall(*expr.As<Call>());
}

Result<StepScalars> Evaluator::EvalScalarCall(const Call& call) {
  const TimeRange& range = context_.range();
  const auto constant = [this](double value) { return StepScalars(steps_.count, value); };
  const auto seconds = [](Millis millis) { return static_cast<double>(millis) / 1000; };
  switch (call.function->id) {
    case FunctionId::kPi:
      return constant(std::numbers::pi);
    case FunctionId::kStart:
      return constant(seconds(range.start));
    case FunctionId::kEnd:
      return constant(seconds(range.end));
    case FunctionId::kRange:
      return constant(seconds(range.end - range.start));
    case FunctionId::kStep:
      return constant(range.start == range.end ? 0 : seconds(range.step));
    case FunctionId::kTime: {
      StepScalars values(steps_.count);
      for (size_t i = 0; i < values.size(); ++i) values[i] = seconds(steps_.At(i));
      return values;
    }
    case FunctionId::kScalar:
      break;
    default: {
      TOCSIN_ASSIGN_OR_RETURN(StepScalars left, EvalScalar(call.args[0]));
      TOCSIN_ASSIGN_OR_RETURN(const StepScalars right, EvalScalar(call.args[1]));
      const bool maximum = call.function->id == FunctionId::kMaxOf;
      for (size_t i = 0; i < left.size(); ++i) left[i] = MinOrMax(maximum, left[i], right[i]);
      return left;
    }
  }
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalVector(call.args[0]));
  StepScalars values = constant(std::numeric_limits<double>::quiet_NaN());
  std::vector<bool> found(steps_.count);
  for (const StepSeries& series : vector) {
    for (size_t step = series.first; step < series.end(); ++step) {
      if (IsAbsent(series.At(step))) continue;
      values[step] = found[step] ? std::numeric_limits<double>::quiet_NaN() : series.At(step);
      found[step] = true;
    }
  }
  return values;
}

Result<StepVector> Evaluator::EvalVector(const Expr& expr) {
  TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
  const size_t charged = context_.charged();
  StepVector result;
  if (steps_.count > 1 && IsStepInvariant(expr)) {
    const uint64_t counted = context_.counted();
    TOCSIN_ASSIGN_OR_RETURN(result,
                            Evaluator(&context_, {steps_.start, steps_.step, 1}).EvalVector(expr));
    const uint64_t once = context_.counted() - counted;
    for (size_t i = 1; i < steps_.count && once > 0; ++i) context_.CountSamples(steps_.At(i), once);
    TOCSIN_RETURN_IF_ERROR(context_.Charge(SamplesWorth(result) * (steps_.count - 1)));
    for (StepSeries& series : result) {
      series.values.resize(steps_.count, series.values.front());
      if (series.histograms.empty()) continue;
      series.histograms.resize(steps_.count, series.histograms.front());
    }
  } else {
    TOCSIN_ASSIGN_OR_RETURN(result, EvalVectorNode(expr));
    RemoveEmpty(&result);
  }
  // What the operands held is gone; the result is there.
  context_.Release(context_.charged() - charged);
  TOCSIN_RETURN_IF_ERROR(context_.Charge(SamplesWorth(result)));
  return result;
}

Result<StepVector> Evaluator::EvalVectorNode(const Expr& expr) {
  if (const auto* selector = expr.As<VectorSelector>()) {
    return EvalSelector(*selector, expr.pos, SelectorValue::kSample);
  }
  if (const auto* traces = expr.As<TraceqlSelector>()) return EvalTraces(*traces);
  if (const auto* paren = expr.As<Paren>()) return EvalVector(*paren->expr);
  if (const auto* unary = expr.As<Unary>()) return EvalUnary(*unary);
  if (const auto* binary = expr.As<Binary>()) return EvalBinary(expr, *binary);
  if (const auto* aggregate = expr.As<Aggregate>()) return EvalAggregate(expr, *aggregate);
  return EvalCall(expr, *expr.As<Call>());
}

Result<StepVector> Evaluator::EvalUnary(const Unary& unary) {
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(*unary.expr));
  if (!unary.negative) return vector;
  for (StepSeries& series : vector) {
    for (double& value : series.values) {
      if (!IsAbsent(value)) value = -value;
    }
    for (HistogramPtr& histogram : series.histograms) {
      if (histogram) histogram = NegatedHistogram(*histogram);
    }
  }
  return NameDropped(std::move(vector));
}

Result<StepVector> Evaluator::EvalBinary(const Expr& expr, const Binary& binary) {
  const ElementOperation operation(binary, expr.pos, &context_.annotations());
  std::optional<QueryContext::HistogramScope> scope;
  if (IsTrim(binary.op)) scope.emplace(&context_, QueryContext::HistogramNeed::kBuckets);
  const bool left_scalar = binary.lhs->type() == ValueType::kScalar;
  const bool right_scalar = binary.rhs->type() == ValueType::kScalar;
  if (left_scalar || right_scalar) {
    const Expr& vector_side = left_scalar ? *binary.rhs : *binary.lhs;
    const Expr& scalar_side = left_scalar ? *binary.lhs : *binary.rhs;
    TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(vector_side));
    TOCSIN_ASSIGN_OR_RETURN(const StepScalars scalars, EvalScalar(scalar_side));
    ApplyScalar(scalars, left_scalar, operation, &vector);
    if (!binary.return_bool && (IsComparison(binary.op) || IsTrim(binary.op))) return vector;
    return NameDropped(std::move(vector));
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector left, EvalVector(*binary.lhs));
  TOCSIN_ASSIGN_OR_RETURN(StepVector right, EvalVector(*binary.rhs));
  if (IsSetOperator(binary.op)) {
    StepVector result = SetOperation(binary, steps_.count, std::move(left), std::move(right));
    TOCSIN_RETURN_IF_ERROR(CheckUnique(&result));
    return result;
  }
  VectorOperation operations(binary, steps_.count, context_.options().delayed_name_removal,
                             operation);
  TOCSIN_ASSIGN_OR_RETURN(StepVector result, operations.Run(std::move(left), std::move(right)));
  // Also with delayed name removal: one result series may come from several pairs.
  TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&result));
  return result;
}

Result<StepVector> Evaluator::EvalAggregate(const Expr& expr, const Aggregate& aggregate) {
  if (GroupAggregator::Handles(aggregate.op)) {
    TOCSIN_ASSIGN_OR_RETURN(std::optional<StepVector> result, AggregateOnTheFly(aggregate));
    if (result) return *std::move(result);
  }
  Aggregation aggregation{aggregate, expr.pos, steps_.count, {}, {}};
  if (aggregate.param) {
    const Expr& param = (*aggregate.param)->Unwrapped();
    if (const auto* string = param.As<StringLiteral>()) {
      aggregation.label = string->value;
    } else {
      TOCSIN_ASSIGN_OR_RETURN(aggregation.param, EvalScalar(param));
    }
    TOCSIN_RETURN_IF_ERROR(
        CheckParameter(aggregation, (*aggregate.param)->pos, &context_.annotations()));
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector input, EvalVector(*aggregate.expr));
  return RunAggregation(aggregation, std::move(input), &context_.annotations());
}

Result<std::optional<StepVector>> Evaluator::AggregateOnTheFly(const Aggregate& aggregate) {
  const Expr& inner = aggregate.expr->Unwrapped();
  const auto* selector = inner.As<VectorSelector>();
  const auto* call = inner.As<Call>();
  const bool is_range_call = call != nullptr && MatrixArgument(*call) >= 0 &&
                             call->function->id != FunctionId::kAbsentOverTime;
  if (selector == nullptr && !is_range_call) return std::nullopt;
  const std::unique_ptr<GroupAggregator> aggregator =
      GroupAggregator::Make(aggregate, steps_.count, &context_.annotations());
  const size_t charged = context_.charged();
  const auto add = [&](const SeriesRow& row) -> Status {
    const size_t groups = aggregator->group_count();
    aggregator->Add(row.labels, row.drop_name, row.row, 0);
    return context_.Charge((aggregator->group_count() - groups) * steps_.count);
  };
  if (selector != nullptr) {
    TOCSIN_RETURN_IF_ERROR(ScanSelector(*selector, inner.pos, SelectorValue::kSample, add));
    return aggregator->Finish();
  }
  TOCSIN_ASSIGN_OR_RETURN(const bool unique, ScanRangeCall(*call, add));
  if (unique) return aggregator->Finish();
  // Series that are the same without their names are to be found first, which needs all of them.
  context_.Release(context_.charged() - charged);
  return std::nullopt;
}

Result<StepVector> Evaluator::NameDropped(StepVector vector) const {
  if (context_.options().delayed_name_removal) {
    for (StepSeries& series : vector) series.drop_name = true;
    return vector;
  }
  // Different series of one name stay different without it: only names that differ can collide.
  const auto metadata = [](const StepSeries& series) {
    const Labels& labels = series.labels;
    return std::tuple(labels.metric_name(), labels.Get("__type__"), labels.Get("__unit__"));
  };
  bool same = true;
  for (const StepSeries& series : vector) same = same && metadata(series) == metadata(vector[0]);
  for (StepSeries& series : vector) DropMetricName(&series.labels);
  if (!same) TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&vector));
  return vector;
}

Status Evaluator::CheckUnique(StepVector* vector) const {
  if (context_.options().delayed_name_removal) return Status();
  return MergeSameLabels(vector);
}

}  // namespace tocsin::promql
