#include "cpp/promql/duration_parser.h"

#include <cmath>
#include <string>
#include <utility>

#include "cpp/promql/parser.h"
#include "cpp/promql/type_check.h"

namespace tocsin::promql {
namespace {

using Kind = TokenKind;
using Op = DurationExpr::Op;

// int64 nanoseconds, as in Prometheus.
constexpr double kMostSeconds = 9223372036.854775807;

bool OutOfRange(double seconds) { return !(std::abs(seconds) <= kMostSeconds); }

Millis ToMillis(double seconds) {
  // By way of nanoseconds, as Prometheus does, so that both round the same way.
  return static_cast<Millis>(std::trunc(std::round(seconds * 1e9) / 1e6));
}

int Precedence(Kind kind) {
  switch (kind) {
    case Kind::kAdd:
    case Kind::kSub:
      return 1;
    case Kind::kMul:
    case Kind::kDiv:
    case Kind::kMod:
      return 2;
    case Kind::kPow:
      return 3;
    default:
      return 0;
  }
}

Op OpOf(Kind kind) {
  switch (kind) {
    case Kind::kAdd:
      return Op::kAdd;
    case Kind::kSub:
      return Op::kSub;
    case Kind::kMul:
      return Op::kMul;
    case Kind::kDiv:
      return Op::kDiv;
    case Kind::kMod:
      return Op::kMod;
    default:
      return Op::kPow;
  }
}

Result<double> Evaluate(const DurationExpr& expr, const DurationContext& context) {
  double left = 0;
  double right = 0;
  if (!expr.operands.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(left, Evaluate(expr.operands[0], context));
  }
  if (expr.operands.size() > 1) {
    TOCSIN_ASSIGN_OR_RETURN(right, Evaluate(expr.operands[1], context));
  }
  switch (expr.op) {
    case Op::kNumber:
      return expr.seconds;
    case Op::kStep:
      return static_cast<double>(context.step) / 1e3;
    case Op::kRange:
      return static_cast<double>(context.range) / 1e3;
    case Op::kMinOf:
      return std::fmin(left, right);
    case Op::kMaxOf:
      return std::fmax(left, right);
    case Op::kAdd:
      return left + right;
    case Op::kSub:
      return left - right;
    case Op::kMul:
      return left * right;
    case Op::kDiv:
      if (right == 0) return FailedPreconditionError("division by zero in a duration expression");
      return left / right;
    case Op::kMod:
      if (right == 0) return FailedPreconditionError("modulo by zero in a duration expression");
      return std::fmod(left, right);
    case Op::kPow:
      return std::pow(left, right);
    case Op::kNegate:
      return -left;
    case Op::kParen:
      return left;
  }
  return left;
}

}  // namespace

bool DurationParser::CanStart() const {
  switch (tokens_->Peek().kind) {
    case Kind::kNumber:
    case Kind::kDuration:
    case Kind::kAdd:
    case Kind::kSub:
    case Kind::kLeftParen:
      return true;
    case Kind::kStep:
    case Kind::kRange:
    case Kind::kMinOf:
    case Kind::kMaxOf:
      return tokens_->Peek(1).kind == Kind::kLeftParen;
    default:
      return false;
  }
}

Result<Duration> DurationParser::ParsePositive() {
  TOCSIN_ASSIGN_OR_RETURN(DurationExpr expr, ParseExpr(1));
  return Finish(std::move(expr), /*positive=*/true);
}

Result<Duration> DurationParser::ParseOffset() {
  TOCSIN_ASSIGN_OR_RETURN(DurationExpr expr, ParseUnary(&DurationParser::ParsePrimary));
  return Finish(std::move(expr), /*positive=*/false);
}

Result<Duration> DurationParser::Finish(DurationExpr expr, bool positive) const {
  if (expr.op == Op::kNumber) {
    if (positive && expr.seconds <= 0) {
      return tokens_->Error(expr.pos, "duration must be greater than 0");
    }
    return Duration{ToMillis(expr.seconds), std::nullopt};
  }
  if (!expressions_) {
    return tokens_->Error(expr.pos, "experimental duration expression is not enabled");
  }
  return Duration{0, std::move(expr)};
}

Result<DurationExpr> DurationParser::ParseExpr(int precedence) {
  if (++nodes_ > kMaxExpressionNesting) {
    return tokens_->Error({tokens_->Peek().position, tokens_->Peek().end()},
                          "duration expression is too long");
  }
  // As elsewhere in PromQL, -2^2 is -(2^2).
  TOCSIN_ASSIGN_OR_RETURN(DurationExpr left, ParseUnary(&DurationParser::ParsePower));
  while (Precedence(tokens_->Peek().kind) >= precedence) {
    const Token op = tokens_->Take();
    const int next = Precedence(op.kind) + (op.kind == Kind::kPow ? 0 : 1);
    TOCSIN_ASSIGN_OR_RETURN(DurationExpr right, ParseExpr(next));
    const PosRange op_pos{op.position, op.end()};
    const bool zero = right.op == Op::kNumber && right.seconds == 0;
    if (zero && op.kind == Kind::kDiv) return tokens_->Error(op_pos, "division by zero");
    if (zero && op.kind == Kind::kMod) return tokens_->Error(op_pos, "modulo by zero");
    const PosRange pos{left.pos.start, right.pos.end};
    DurationExpr joined{OpOf(op.kind), 0, false, {}, pos};
    joined.operands.push_back(std::move(left));
    joined.operands.push_back(std::move(right));
    left = std::move(joined);
  }
  return left;
}

Result<DurationExpr> DurationParser::ParsePower() { return ParseExpr(3); }

Result<DurationExpr> DurationParser::ParseUnary(
    Result<DurationExpr> (DurationParser::*operand_of)()) {
  const Token sign = tokens_->Peek();
  if (sign.kind != Kind::kAdd && sign.kind != Kind::kSub) return ParsePrimary();
  if (++nodes_ > kMaxExpressionNesting) {
    return tokens_->Error({sign.position, sign.end()}, "duration expression is too long");
  }
  tokens_->Take();
  TOCSIN_ASSIGN_OR_RETURN(DurationExpr operand, (this->*operand_of)());
  operand.pos.start = sign.position;
  if (sign.kind == Kind::kAdd) return operand;
  if (operand.op == Op::kNumber) {
    operand.seconds = -operand.seconds;
    return operand;
  }
  DurationExpr negated{Op::kNegate, 0, false, {}, operand.pos};
  negated.operands.push_back(std::move(operand));
  return negated;
}

Result<DurationExpr> DurationParser::ParsePrimary() {
  if (!CanStart()) return tokens_->Unexpected("", "");
  const Token token = tokens_->Peek();
  if (token.kind == Kind::kNumber || token.kind == Kind::kDuration) return ParseNumber();
  if (token.kind != Kind::kLeftParen) return ParseFunction();
  tokens_->Take();
  DurationExpr paren{Op::kParen, 0, false, {}, {}};
  TOCSIN_ASSIGN_OR_RETURN(DurationExpr inner, ParseExpr(1));
  if (!tokens_->TakeIf(Kind::kRightParen)) return tokens_->Unexpected("", "");
  paren.operands.push_back(std::move(inner));
  paren.pos = {token.position, tokens_->consumed_end()};
  return paren;
}

Result<DurationExpr> DurationParser::ParseNumber() {
  const bool has_unit = tokens_->Peek().kind == Kind::kDuration;
  const uint32_t start = tokens_->Peek().position;
  TOCSIN_ASSIGN_OR_RETURN(const double seconds, tokens_->TakeNumber());
  const PosRange pos{start, tokens_->consumed_end()};
  if (OutOfRange(seconds)) return tokens_->Error(pos, "duration out of range");
  return DurationExpr{Op::kNumber, seconds, has_unit, {}, pos};
}

// step(), range(), min_of(a, b), max_of(a, b).
Result<DurationExpr> DurationParser::ParseFunction() {
  const Token name = tokens_->Take();
  tokens_->Take();  // The parenthesis that CanStart() saw.
  DurationExpr call{Op::kStep, 0, false, {}, {}};
  if (name.kind == Kind::kRange) call.op = Op::kRange;
  if (name.kind == Kind::kMinOf || name.kind == Kind::kMaxOf) {
    call.op = name.kind == Kind::kMinOf ? Op::kMinOf : Op::kMaxOf;
    TOCSIN_ASSIGN_OR_RETURN(DurationExpr first, ParseExpr(1));
    if (!tokens_->TakeIf(Kind::kComma)) return tokens_->Unexpected("", "");
    TOCSIN_ASSIGN_OR_RETURN(DurationExpr second, ParseExpr(1));
    call.operands.push_back(std::move(first));
    call.operands.push_back(std::move(second));
  }
  if (!tokens_->TakeIf(Kind::kRightParen)) return tokens_->Unexpected("", "");
  call.pos = {name.position, tokens_->consumed_end()};
  return call;
}

Result<Millis> EvaluateDuration(const Duration& duration, const DurationContext& context,
                                bool must_be_positive) {
  if (!duration.expression) return duration.millis;
  TOCSIN_ASSIGN_OR_RETURN(const double seconds, Evaluate(*duration.expression, context));
  if (!std::isfinite(seconds)) return FailedPreconditionError("duration is NaN or infinite");
  if (must_be_positive && seconds <= 0) {
    return FailedPreconditionError("duration must be greater than 0");
  }
  if (OutOfRange(seconds)) return FailedPreconditionError("duration is out of range");
  return static_cast<Millis>(seconds * 1000);
}

}  // namespace tocsin::promql
