#include "cpp/traceql/number.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cpp/traceql/lexer.h"

namespace tocsin::traceql {
namespace {

// Is every number in it an integer?
bool IsInteger(const ScalarExpr& scalar) {
  if (scalar.kind == ScalarExpr::Kind::kNumber) return scalar.literal.type == Type::kInt;
  return std::all_of(scalar.args.begin(), scalar.args.end(), IsInteger);
}

Result<double> Calculated(const ScalarExpr& scalar) {
  TOCSIN_ASSIGN_OR_RETURN(const double left, NumberOf(scalar.args[0]));
  if (scalar.op == Op::kNegate) return -left;
  TOCSIN_ASSIGN_OR_RETURN(const double right, NumberOf(scalar.args[1]));
  switch (scalar.op) {
    case Op::kAdd:
      return left + right;
    case Op::kSubtract:
      return left - right;
    case Op::kMultiply:
      return left * right;
    case Op::kDivide:
      if (right == 0) return ParseError(scalar.args[1].at, "division by zero");
      return IsInteger(scalar) ? std::trunc(left / right) : left / right;
    default:
      return ParseError(scalar.at, "syntax error: unexpected " + std::string(OpText(scalar.op)) +
                                       ", only + - * / apply to metrics queries");
  }
}

}  // namespace

Literal Negated(const Literal& literal) {
  Literal negative = literal;
  negative.integer = static_cast<int64_t>(0 - static_cast<uint64_t>(literal.integer));
  negative.number = -literal.number;
  return negative;
}

Result<double> NumberOf(const ScalarExpr& scalar) {
  switch (scalar.kind) {
    case ScalarExpr::Kind::kNumber:
      if (scalar.literal.type == Type::kInt) return static_cast<double>(scalar.literal.integer);
      if (scalar.literal.type == Type::kFloat) return scalar.literal.number;
      return ParseError(scalar.at,
                        "syntax error: unexpected " + Print(scalar) + ", expected a number");
    case ScalarExpr::Kind::kOperation: {
      TOCSIN_ASSIGN_OR_RETURN(const double value, Calculated(scalar));
      if (!std::isfinite(value)) return ParseError(scalar.at, "the number is out of range");
      return value;
    }
    default:
      return ParseError(scalar.at,
                        "syntax error: unexpected " + Print(scalar) + ", expected a number");
  }
}

Result<double> ThresholdOf(const ScalarExpr& scalar) {
  constexpr double kNanosPerSecond = 1e9;
  if (scalar.kind == ScalarExpr::Kind::kNumber && scalar.literal.type == Type::kDuration) {
    return static_cast<double>(scalar.literal.integer) / kNanosPerSecond;
  }
  return NumberOf(scalar);
}

}  // namespace tocsin::traceql
