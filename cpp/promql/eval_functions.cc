// Calls: functions of range vectors, of values one by one, of the calendar, absent() and sort().

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "cpp/base/civil_time.h"
#include "cpp/base/format.h"
#include "cpp/promql/binary_operation.h"
#include "cpp/promql/evaluator.h"
#include "cpp/promql/natural_order.h"

namespace tocsin::promql {
namespace {

using MathFunction = double (*)(double);

double Sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }
double ToRadians(double v) { return v * std::numbers::pi / 180; }
double ToDegrees(double v) { return v * 180 / std::numbers::pi; }

// Null for a function that is not simply one of each value.
MathFunction MathFunctionOf(FunctionId id) {
  switch (id) {
    case FunctionId::kAbs:
      return [](double v) { return std::abs(v); };
    case FunctionId::kAcos:
      return [](double v) { return std::acos(v); };
    case FunctionId::kAcosh:
      return [](double v) { return std::acosh(v); };
    case FunctionId::kAsin:
      return [](double v) { return std::asin(v); };
    case FunctionId::kAsinh:
      return [](double v) { return std::asinh(v); };
    case FunctionId::kAtan:
      return [](double v) { return std::atan(v); };
    case FunctionId::kAtanh:
      return [](double v) { return std::atanh(v); };
    case FunctionId::kCeil:
      return [](double v) { return std::ceil(v); };
    case FunctionId::kCos:
      return [](double v) { return std::cos(v); };
    case FunctionId::kCosh:
      return [](double v) { return std::cosh(v); };
    case FunctionId::kDeg:
      return ToDegrees;
    case FunctionId::kExp:
      return [](double v) { return std::exp(v); };
    case FunctionId::kFloor:
      return [](double v) { return std::floor(v); };
    case FunctionId::kLn:
      return [](double v) { return std::log(v); };
    case FunctionId::kLog10:
      return [](double v) { return std::log10(v); };
    case FunctionId::kLog2:
      return [](double v) { return std::log2(v); };
    case FunctionId::kRad:
      return ToRadians;
    case FunctionId::kSgn:
      return Sign;
    case FunctionId::kSin:
      return [](double v) { return std::sin(v); };
    case FunctionId::kSinh:
      return [](double v) { return std::sinh(v); };
    case FunctionId::kSqrt:
      return [](double v) { return std::sqrt(v); };
    case FunctionId::kTan:
      return [](double v) { return std::tan(v); };
    case FunctionId::kTanh:
      return [](double v) { return std::tanh(v); };
    default:
      return nullptr;
  }
}

double CalendarValue(FunctionId id, double seconds) {
  if (std::isnan(seconds)) seconds = std::numeric_limits<double>::lowest();
  // Far outside of any calendar the number is only to be one that an integer can hold.
  const auto unix_seconds = static_cast<int64_t>(std::clamp(seconds, -9e18, 9e18));
  const CivilTime time = ToCivil(unix_seconds);
  switch (id) {
    case FunctionId::kYear:
      return static_cast<double>(time.year);
    case FunctionId::kMonth:
      return time.month;
    case FunctionId::kDayOfMonth:
      return time.day;
    case FunctionId::kDayOfWeek:
      return time.weekday;
    case FunctionId::kDayOfYear:
      return time.day_of_year;
    case FunctionId::kDaysInMonth:
      return time.days_in_month;
    case FunctionId::kHour:
      return time.hour;
    default:
      return time.minute;
  }
}

// The labels that a series would have that the selector asks for in vain: those that it names with
// `=`, once.
Labels LabelsOfAbsent(const Expr& arg) {
  const Expr& inner = arg.Unwrapped();
  const auto* selector = inner.As<VectorSelector>();
  if (const auto* matrix = inner.As<MatrixSelector>()) selector = &matrix->selector;
  Labels labels;
  if (selector == nullptr) return labels;
  std::vector<std::string_view> seen;
  for (const Matcher& matcher : selector->matchers) {
    if (matcher.name == kMetricName) continue;
    const bool again = std::ranges::find(seen, matcher.name) != seen.end();
    const bool equal = matcher.op == Matcher::Op::kEqual && !again;
    labels.Set(matcher.name, equal ? std::string_view(matcher.value) : std::string_view());
    if (equal) seen.push_back(matcher.name);
  }
  return labels;
}

}  // namespace

Result<StepVector> Evaluator::EvalCall(const Expr& expr, const Call& call) {
  if (MatrixArgument(call) >= 0) return EvalRangeCall(call);
  switch (call.function->id) {
    case FunctionId::kAbsent:
      return EvalAbsent(call);
    case FunctionId::kHistogramQuantile:
      return EvalHistogramQuantile(call);
    case FunctionId::kHistogramQuantiles:
      return EvalHistogramQuantiles(call);
    case FunctionId::kHistogramFraction:
      return EvalHistogramFraction(call);
    case FunctionId::kInfo:
      return EvalInfo(call);
    case FunctionId::kLabelJoin:
      return EvalLabelJoin(call);
    case FunctionId::kLabelReplace:
      return EvalLabelReplace(call);
    case FunctionId::kSort:
    case FunctionId::kSortDesc:
    case FunctionId::kSortByLabel:
    case FunctionId::kSortByLabelDesc:
      return EvalSort(expr, call);
    case FunctionId::kTimestamp:
      return EvalTimestamp(call);
    case FunctionId::kVector: {
      TOCSIN_ASSIGN_OR_RETURN(const StepScalars values, EvalScalar(call.args[0]));
      return StepVector{StepSeries::Make(Labels(), values)};
    }
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kDaysInMonth:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
      return EvalCalendar(call);
    case FunctionId::kHistogramAvg:
    case FunctionId::kHistogramCount:
    case FunctionId::kHistogramStddev:
    case FunctionId::kHistogramStdvar:
    case FunctionId::kHistogramSum:
      return EvalHistogramNumber(call);
    case FunctionId::kStartTimestamp:
      return EvalStartTimestamp(call);
    default:
      return EvalMap(call);
  }
}

Result<StepVector> Evaluator::EvalMap(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  RemoveHistograms(&vector);
  std::vector<StepScalars> scalars;
  for (size_t i = 1; i < call.args.size(); ++i) {
    TOCSIN_ASSIGN_OR_RETURN(scalars.emplace_back(), EvalScalar(call.args[i]));
  }
  const FunctionId id = call.function->id;
  const MathFunction function = MathFunctionOf(id);
  const auto clamped = [](double v, double low, double high) {
    return high < low ? Absent() : MinOrMax(true, low, MinOrMax(false, high, v));
  };
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto map = [&](double v, size_t step) {
    if (function != nullptr) return function(v);
    switch (id) {
      case FunctionId::kClamp:
        return clamped(v, scalars[0][step], scalars[1][step]);
      case FunctionId::kClampMax:
        return clamped(v, -kInf, scalars[0][step]);
      case FunctionId::kClampMin:
        return clamped(v, scalars[0][step], kInf);
      default: {
        // round(): multiplied by the inverse, which errs less than dividing twice.
        const double inverse = 1 / (scalars.empty() ? 1 : scalars[0][step]);
        return std::floor(v * inverse + 0.5) / inverse;
      }
    }
  };
  for (StepSeries& series : vector) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      double& value = series.values[i];
      if (!IsAbsent(value)) value = map(value, series.first + i);
    }
  }
  return NameDropped(std::move(vector));
}

Result<StepVector> Evaluator::EvalCalendar(const Call& call) {
  const FunctionId id = call.function->id;
  if (call.args.empty()) {
    StepScalars values(steps_.count);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = CalendarValue(id, std::floor(static_cast<double>(steps_.At(i)) / 1000));
    }
    return StepVector{StepSeries::Make(Labels(), values)};
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  RemoveHistograms(&vector);
  for (StepSeries& series : vector) {
    for (double& value : series.values) {
      if (!IsAbsent(value)) value = CalendarValue(id, value);
    }
  }
  return NameDropped(std::move(vector));
}

Result<StepVector> Evaluator::EvalTimestamp(const Call& call) {
  // Of a selector the times of its samples, of everything else those of the evaluation.
  if (const auto* selector = call.args[0].Unwrapped().As<VectorSelector>()) {
    TOCSIN_ASSIGN_OR_RETURN(StepVector times,
                            EvalSelector(*selector, call.args[0].pos, SelectorValue::kTime));
    return NameDropped(std::move(times));
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  for (StepSeries& series : vector) {
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!series.Has(step)) continue;
      series.values[step - series.first] = static_cast<double>(steps_.At(step)) / 1000;
    }
  }
  RemoveHistograms(&vector);
  return NameDropped(std::move(vector));
}

Result<StepVector> Evaluator::EvalStartTimestamp(const Call& call) {
  // Only samples have one, and only a selector gives samples.
  const auto* selector = call.args[0].Unwrapped().As<VectorSelector>();
  if (selector == nullptr || !context_.options().use_start_timestamps) {
    TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
    vector.clear();
    return vector;
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector times,
                          EvalSelector(*selector, call.args[0].pos, SelectorValue::kStartTime));
  return NameDropped(std::move(times));
}

Result<StepVector> Evaluator::AbsentSteps(const std::vector<bool>& present, const Expr& arg) const {
  StepScalars values(steps_.count);
  for (size_t step = 0; step < values.size(); ++step) {
    values[step] = present[step] ? Absent() : 1;
  }
  StepVector result;
  if (StepSeries series = StepSeries::Make(LabelsOfAbsent(arg), values); !series.values.empty()) {
    result.push_back(std::move(series));
  }
  return result;
}

Result<StepVector> Evaluator::EvalAbsent(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(const StepVector vector, EvalVector(call.args[0]));
  std::vector<bool> present(steps_.count);
  for (const StepSeries& series : vector) {
    for (size_t step = series.first; step < series.end(); ++step) {
      if (series.Has(step)) present[step] = true;
    }
  }
  return AbsentSteps(present, call.args[0]);
}

Result<StepVector> Evaluator::EvalSort(const Expr& expr, const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  if (steps_.count > 1) {
    context_.annotations().Warn(expr.pos,
                                "sort is ineffective for range queries since results are always "
                                "ordered by labels");
  }
  const FunctionId id = call.function->id;
  const bool by_value = id == FunctionId::kSort || id == FunctionId::kSortDesc;
  if (by_value) {
    // There is no order of histograms.
    RemoveHistograms(&vector);
    RemoveEmpty(&vector);
  }
  if (steps_.count > 1) return vector;
  if (by_value) {
    const bool descending = id == FunctionId::kSortDesc;
    std::ranges::stable_sort(vector, [descending](const StepSeries& a, const StepSeries& b) {
      const double x = a.values.front();
      const double y = b.values.front();
      if (std::isnan(x) || std::isnan(y)) return std::isnan(y) && !std::isnan(x);
      return descending ? x > y : x < y;
    });
    return vector;
  }
  std::vector<std::string> names;
  for (size_t i = 1; i < call.args.size(); ++i) names.push_back(StringArgument(call, i));
  const auto before = [&names](const StepSeries& a, const StepSeries& b) {
    for (const std::string& name : names) {
      const std::string_view x = a.labels.Get(name);
      const std::string_view y = b.labels.Get(name);
      if (x != y) return NaturallyBefore(x, y);
    }
    return a.labels < b.labels;
  };
  std::ranges::stable_sort(vector, before);
  if (id == FunctionId::kSortByLabelDesc) std::ranges::reverse(vector);
  return vector;
}

}  // namespace tocsin::promql
