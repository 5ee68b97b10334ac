/// The functions of PromQL and what they take. Names and signatures are Prometheus's.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "cpp/promql/ast.h"

namespace tocsin::promql {

enum class FunctionId : uint8_t {
  kAbs,
  kAbsent,
  kAbsentOverTime,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kAvgOverTime,
  kCeil,
  kChanges,
  kClamp,
  kClampMax,
  kClampMin,
  kCos,
  kCosh,
  kCountOverTime,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kDaysInMonth,
  kDeg,
  kDelta,
  kDeriv,
  kDoubleExponentialSmoothing,
  kEnd,
  kExp,
  kFirstOverTime,
  kFloor,
  kHistogramAvg,
  kHistogramCount,
  kHistogramFraction,
  kHistogramQuantile,
  kHistogramQuantiles,
  kHistogramStddev,
  kHistogramStdvar,
  kHistogramSum,
  kHour,
  kIdelta,
  kIncrease,
  kInfo,
  kIrate,
  kLabelJoin,
  kLabelReplace,
  kLastOverTime,
  kLn,
  kLog10,
  kLog2,
  kMadOverTime,
  kMaxOf,
  kMaxOverTime,
  kMinOf,
  kMinOverTime,
  kMinute,
  kMonth,
  kPi,
  kPredictLinear,
  kPresentOverTime,
  kQuantileOverTime,
  kRad,
  kRange,
  kRate,
  kResets,
  kRound,
  kScalar,
  kSgn,
  kSin,
  kSinh,
  kSort,
  kSortByLabel,
  kSortByLabelDesc,
  kSortDesc,
  kSqrt,
  kStart,
  kStartTimestamp,
  kStddevOverTime,
  kStdvarOverTime,
  kStep,
  kSumOverTime,
  kTan,
  kTanh,
  kTime,
  kTimestamp,
  kTsOfFirstOverTime,
  kTsOfLastOverTime,
  kTsOfMaxOverTime,
  kTsOfMinOverTime,
  kVector,
  kYear,
};

struct Function {
  FunctionId id;
  std::string_view name;
  ValueType return_type;
  std::array<ValueType, 5> args;  ///< The first `arg_count` of them.
  uint8_t arg_count;
  /// 0: exactly `arg_count` arguments. n > 0: from arg_count - 1 to arg_count - 1 + n. Negative:
  /// from arg_count - 1 on. Arguments beyond the listed ones have the type of the last one.
  int8_t variadic;
  bool experimental;  ///< Needs ParserOptions::experimental_functions.
};

/// Null if there is none of that name.
const Function* FindFunction(std::string_view name);

/// All of them, ordered by name.
std::span<const Function> AllFunctions();

}  // namespace tocsin::promql
