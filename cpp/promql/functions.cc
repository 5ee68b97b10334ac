#include "cpp/promql/functions.h"

#include <algorithm>

namespace tocsin::promql {
namespace {

constexpr ValueType kS = ValueType::kScalar;
constexpr ValueType kT = ValueType::kString;
constexpr ValueType kV = ValueType::kVector;
constexpr ValueType kM = ValueType::kMatrix;

// Ordered by name: FindFunction searches by halves.
constexpr auto kFunctions = std::to_array<Function>({
    {FunctionId::kAbs, "abs", kV, {kV}, 1, 0, false},
    {FunctionId::kAbsent, "absent", kV, {kV}, 1, 0, false},
    {FunctionId::kAbsentOverTime, "absent_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kAcos, "acos", kV, {kV}, 1, 0, false},
    {FunctionId::kAcosh, "acosh", kV, {kV}, 1, 0, false},
    {FunctionId::kAsin, "asin", kV, {kV}, 1, 0, false},
    {FunctionId::kAsinh, "asinh", kV, {kV}, 1, 0, false},
    {FunctionId::kAtan, "atan", kV, {kV}, 1, 0, false},
    {FunctionId::kAtanh, "atanh", kV, {kV}, 1, 0, false},
    {FunctionId::kAvgOverTime, "avg_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kCeil, "ceil", kV, {kV}, 1, 0, false},
    {FunctionId::kChanges, "changes", kV, {kM}, 1, 0, false},
    {FunctionId::kClamp, "clamp", kV, {kV, kS, kS}, 3, 0, false},
    {FunctionId::kClampMax, "clamp_max", kV, {kV, kS}, 2, 0, false},
    {FunctionId::kClampMin, "clamp_min", kV, {kV, kS}, 2, 0, false},
    {FunctionId::kCos, "cos", kV, {kV}, 1, 0, false},
    {FunctionId::kCosh, "cosh", kV, {kV}, 1, 0, false},
    {FunctionId::kCountOverTime, "count_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kDayOfMonth, "day_of_month", kV, {kV}, 1, 1, false},
    {FunctionId::kDayOfWeek, "day_of_week", kV, {kV}, 1, 1, false},
    {FunctionId::kDayOfYear, "day_of_year", kV, {kV}, 1, 1, false},
    {FunctionId::kDaysInMonth, "days_in_month", kV, {kV}, 1, 1, false},
    {FunctionId::kDeg, "deg", kV, {kV}, 1, 0, false},
    {FunctionId::kDelta, "delta", kV, {kM}, 1, 0, false},
    {FunctionId::kDeriv, "deriv", kV, {kM}, 1, 0, false},
    {FunctionId::kDoubleExponentialSmoothing,
     "double_exponential_smoothing",
     kV,
     {kM, kS, kS},
     3,
     0,
     true},
    {FunctionId::kEnd, "end", kS, {}, 0, 0, true},
    {FunctionId::kExp, "exp", kV, {kV}, 1, 0, false},
    {FunctionId::kFirstOverTime, "first_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kFloor, "floor", kV, {kV}, 1, 0, false},
    {FunctionId::kHistogramAvg, "histogram_avg", kV, {kV}, 1, 0, false},
    {FunctionId::kHistogramCount, "histogram_count", kV, {kV}, 1, 0, false},
    {FunctionId::kHistogramFraction, "histogram_fraction", kV, {kS, kS, kV}, 3, 0, false},
    {FunctionId::kHistogramQuantile, "histogram_quantile", kV, {kS, kV}, 2, 0, false},
    {FunctionId::kHistogramQuantiles, "histogram_quantiles", kV, {kV, kT, kS, kS}, 4, 9, true},
    {FunctionId::kHistogramStddev, "histogram_stddev", kV, {kV}, 1, 0, false},
    {FunctionId::kHistogramStdvar, "histogram_stdvar", kV, {kV}, 1, 0, false},
    {FunctionId::kHistogramSum, "histogram_sum", kV, {kV}, 1, 0, false},
    {FunctionId::kHour, "hour", kV, {kV}, 1, 1, false},
    {FunctionId::kIdelta, "idelta", kV, {kM}, 1, 0, false},
    {FunctionId::kIncrease, "increase", kV, {kM}, 1, 0, false},
    {FunctionId::kInfo, "info", kV, {kV, kV}, 2, 1, true},
    {FunctionId::kIrate, "irate", kV, {kM}, 1, 0, false},
    {FunctionId::kLabelJoin, "label_join", kV, {kV, kT, kT, kT}, 4, -1, false},
    {FunctionId::kLabelReplace, "label_replace", kV, {kV, kT, kT, kT, kT}, 5, 0, false},
    {FunctionId::kLastOverTime, "last_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kLn, "ln", kV, {kV}, 1, 0, false},
    {FunctionId::kLog10, "log10", kV, {kV}, 1, 0, false},
    {FunctionId::kLog2, "log2", kV, {kV}, 1, 0, false},
    {FunctionId::kMadOverTime, "mad_over_time", kV, {kM}, 1, 0, true},
    {FunctionId::kMaxOf, "max_of", kS, {kS, kS}, 2, 0, true},
    {FunctionId::kMaxOverTime, "max_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kMinOf, "min_of", kS, {kS, kS}, 2, 0, true},
    {FunctionId::kMinOverTime, "min_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kMinute, "minute", kV, {kV}, 1, 1, false},
    {FunctionId::kMonth, "month", kV, {kV}, 1, 1, false},
    {FunctionId::kPi, "pi", kS, {}, 0, 0, false},
    {FunctionId::kPredictLinear, "predict_linear", kV, {kM, kS}, 2, 0, false},
    {FunctionId::kPresentOverTime, "present_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kQuantileOverTime, "quantile_over_time", kV, {kS, kM}, 2, 0, false},
    {FunctionId::kRad, "rad", kV, {kV}, 1, 0, false},
    {FunctionId::kRange, "range", kS, {}, 0, 0, true},
    {FunctionId::kRate, "rate", kV, {kM}, 1, 0, false},
    {FunctionId::kResets, "resets", kV, {kM}, 1, 0, false},
    {FunctionId::kRound, "round", kV, {kV, kS}, 2, 1, false},
    {FunctionId::kScalar, "scalar", kS, {kV}, 1, 0, false},
    {FunctionId::kSgn, "sgn", kV, {kV}, 1, 0, false},
    {FunctionId::kSin, "sin", kV, {kV}, 1, 0, false},
    {FunctionId::kSinh, "sinh", kV, {kV}, 1, 0, false},
    {FunctionId::kSort, "sort", kV, {kV}, 1, 0, false},
    {FunctionId::kSortByLabel, "sort_by_label", kV, {kV, kT}, 2, -1, true},
    {FunctionId::kSortByLabelDesc, "sort_by_label_desc", kV, {kV, kT}, 2, -1, true},
    {FunctionId::kSortDesc, "sort_desc", kV, {kV}, 1, 0, false},
    {FunctionId::kSqrt, "sqrt", kV, {kV}, 1, 0, false},
    {FunctionId::kStart, "start", kS, {}, 0, 0, true},
    {FunctionId::kStartTimestamp, "start_timestamp", kV, {kV}, 1, 0, true},
    {FunctionId::kStddevOverTime, "stddev_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kStdvarOverTime, "stdvar_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kStep, "step", kS, {}, 0, 0, true},
    {FunctionId::kSumOverTime, "sum_over_time", kV, {kM}, 1, 0, false},
    {FunctionId::kTan, "tan", kV, {kV}, 1, 0, false},
    {FunctionId::kTanh, "tanh", kV, {kV}, 1, 0, false},
    {FunctionId::kTime, "time", kS, {}, 0, 0, false},
    {FunctionId::kTimestamp, "timestamp", kV, {kV}, 1, 0, false},
    {FunctionId::kTsOfFirstOverTime, "ts_of_first_over_time", kV, {kM}, 1, 0, true},
    {FunctionId::kTsOfLastOverTime, "ts_of_last_over_time", kV, {kM}, 1, 0, true},
    {FunctionId::kTsOfMaxOverTime, "ts_of_max_over_time", kV, {kM}, 1, 0, true},
    {FunctionId::kTsOfMinOverTime, "ts_of_min_over_time", kV, {kM}, 1, 0, true},
    {FunctionId::kVector, "vector", kV, {kS}, 1, 0, false},
    {FunctionId::kYear, "year", kV, {kV}, 1, 1, false},
});

static_assert(std::ranges::is_sorted(kFunctions, {}, &Function::name));

}  // namespace

const Function* FindFunction(std::string_view name) {
  const Function* const it = std::ranges::lower_bound(kFunctions, name, {}, &Function::name);
  return it != kFunctions.end() && it->name == name ? it : nullptr;
}

std::span<const Function> AllFunctions() { return kFunctions; }

}  // namespace tocsin::promql
