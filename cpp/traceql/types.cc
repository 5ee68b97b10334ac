#include "cpp/traceql/types.h"

#include <optional>
#include <string>
#include <utility>

#include "cpp/traceql/lexer.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

bool IsNumeric(Type type) {
  return type == Type::kInt || type == Type::kFloat || type == Type::kDuration;
}

// May values of these types meet in one operation?
bool Match(Type a, Type b) {
  return a == Type::kAttribute || b == Type::kAttribute || a == b || (IsNumeric(a) && IsNumeric(b));
}

bool Takes(Op op, Type type) {
  const bool equality = op == Op::kEqual || op == Op::kNotEqual;
  switch (type) {
    case Type::kAttribute:
      return true;
    case Type::kBool:
      return equality || op == Op::kAnd || op == Op::kOr || op == Op::kNot;
    case Type::kInt:
    case Type::kFloat:
    case Type::kDuration:
      return IsArithmetic(op) || op == Op::kNegate || (op >= Op::kEqual && op <= Op::kGreaterEqual);
    case Type::kString:
      return IsComparison(op);
    case Type::kNil:
    case Type::kStatus:
    case Type::kKind:
      return equality;
  }
  return false;
}

std::string Describe(const Expr& expr) {
  if (expr.literal() != nullptr && expr.type == Type::kNil) return "nil";
  return Print(expr) + " (" + std::string(TypeName(expr.type)) + ")";
}

// `status = error`: a bare word opposite a status or a kind is one of its values.
Status ResolveWord(const Expr& typed, Expr* word) {
  const Field* field = word->field();
  if (field == nullptr || !field->bare) return {};
  if (typed.type == Type::kStatus) {
    const std::optional<SpanStatus> status = FindStatus(field->name);
    if (!status) {
      return ParseError(word->at,
                        "unknown status " + field->name + "; expected error, ok or unset");
    }
    word->node = Literal{Type::kStatus, "", static_cast<int64_t>(*status), 0};
    word->type = Type::kStatus;
  } else if (typed.type == Type::kKind) {
    const std::optional<SpanKind> kind = FindKind(field->name);
    if (!kind) {
      return ParseError(word->at, "unknown kind " + field->name +
                                      "; expected server, client, producer, consumer, internal or "
                                      "unspecified");
    }
    word->node = Literal{Type::kKind, "", static_cast<int64_t>(*kind), 0};
    word->type = Type::kKind;
  }
  return {};
}

Status CheckMatch(const Operation& operation, const Position& at) {
  const Expr& left = operation.args[0];
  for (size_t i = 1; i < operation.args.size(); ++i) {
    const Expr& right = operation.args[i];
    if (Match(left.type, right.type)) continue;
    std::string message = "operator " + std::string(OpText(operation.op)) + " has " +
                          Describe(left) + " on its left and " + Describe(right) + " on its right";
    const bool enumerated = left.type == Type::kStatus || left.type == Type::kKind;
    if (enumerated && right.literal() != nullptr && right.type == Type::kString) {
      message.append("; its values are written without quotes");
    }
    return ParseError(at, message);
  }
  for (const Expr& arg : operation.args) {
    if (Takes(operation.op, arg.type)) continue;
    return ParseError(at, "operator " + std::string(OpText(operation.op)) + " does not apply to " +
                              Describe(arg));
  }
  return {};
}

// What every span has is never nil.
Status CheckNil(const Operation& operation, const Position& at) {
  for (size_t i = 0; i < 2; ++i) {
    const Expr& nil = operation.args[i];
    const Field* field = operation.args[1 - i].field();
    if (nil.literal() == nullptr || nil.type != Type::kNil || field == nullptr) continue;
    const bool intrinsic =
        field->intrinsic != Intrinsic::kNone && field->intrinsic != Intrinsic::kParent;
    const bool service = field->scope == Scope::kResource && field->name == "service.name";
    if (intrinsic || (service && !field->of_parent)) {
      return ParseError(at, Print(*field) + " is never nil");
    }
  }
  return {};
}

Status CheckRegex(Operation* operation) {
  const Expr& pattern = operation->args[1];
  if (pattern.literal() == nullptr || pattern.type != Type::kString) {
    return ParseError(pattern.at, "a regular expression must be a string, not " + Print(pattern));
  }
  Result<lib::Regex> regex = lib::Regex::Compile(pattern.literal()->text);
  if (!regex.has_value()) {
    return ParseError(pattern.at,
                      "bad regular expression: " + std::string(regex.error().message()));
  }
  operation->regex = *std::move(regex);
  return {};
}

// x / 0 of integers has no answer whatever the spans hold.
Status CheckDivisor(const Operation& operation) {
  const Literal* divisor = operation.args[1].literal();
  if (divisor != nullptr && divisor->type == Type::kInt && divisor->integer == 0) {
    return ParseError(operation.args[1].at, "division by zero");
  }
  return {};
}

Type ResultOf(const Operation& operation) {
  if (!IsArithmetic(operation.op) && operation.op != Op::kNegate) return Type::kBool;
  for (const Expr& arg : operation.args) {
    if (arg.type != Type::kAttribute) return arg.type;
  }
  return Type::kAttribute;
}

Status Check(Expr* expr) {
  if (const Literal* literal = expr->literal()) {
    expr->type = literal->type;
    return {};
  }
  if (const Field* field = expr->field()) {
    expr->type = TypeOf(*field);
    return {};
  }
  Operation& operation = *expr->operation();
  for (Expr& arg : operation.args) TOCSIN_RETURN_IF_ERROR(Check(&arg));
  if (IsComparison(operation.op)) {
    TOCSIN_RETURN_IF_ERROR(ResolveWord(operation.args[0], &operation.args[1]));
    TOCSIN_RETURN_IF_ERROR(ResolveWord(operation.args[1], &operation.args[0]));
  }
  TOCSIN_RETURN_IF_ERROR(CheckMatch(operation, expr->at));
  if (operation.op == Op::kEqual || operation.op == Op::kNotEqual) {
    TOCSIN_RETURN_IF_ERROR(CheckNil(operation, expr->at));
  }
  if (operation.op == Op::kRegex || operation.op == Op::kNotRegex) {
    TOCSIN_RETURN_IF_ERROR(CheckRegex(&operation));
  }
  if (operation.op == Op::kDivide || operation.op == Op::kModulo) {
    TOCSIN_RETURN_IF_ERROR(CheckDivisor(operation));
  }
  expr->type = ResultOf(operation);
  return {};
}

}  // namespace

Status CheckCondition(Expr* condition) {
  TOCSIN_RETURN_IF_ERROR(Check(condition));
  if (condition->type == Type::kBool || condition->type == Type::kAttribute) return {};
  return ParseError(condition->at,
                    "a filter must be a condition; " + Describe(*condition) + " is none");
}

}  // namespace tocsin::traceql
