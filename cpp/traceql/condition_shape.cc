#include "cpp/traceql/condition_shape.h"

#include <algorithm>

namespace tocsin::traceql {

Scalar ValueOf(const Expr& expr, const Scalar& bound) {
  return ValueIn(expr, [&](const Field&) { return bound; });
}

bool IsNil(const Expr& expr) { return expr.literal() != nullptr && expr.type == Type::kNil; }

bool IsCondition(const Expr& expr) {
  const Operation* operation = expr.operation();
  return operation != nullptr && !IsArithmetic(operation->op) && operation->op != Op::kNegate;
}

const Expr* NilTested(const Operation& operation) {
  if (operation.op != Op::kEqual && operation.op != Op::kNotEqual) return nullptr;
  if (IsNil(operation.args[1])) return &operation.args[0];
  if (IsNil(operation.args[0])) return &operation.args[1];
  return nullptr;
}

void CollectFields(const Expr& expr, std::vector<const Field*>* out) {
  if (const Field* field = expr.field()) {
    const auto same = [&](const Field* other) { return *other == *field; };
    if (std::none_of(out->begin(), out->end(), same)) out->push_back(field);
  } else if (const Operation* operation = expr.operation()) {
    for (const Expr& arg : operation->args) CollectFields(arg, out);
  }
}

Op Mirrored(Op op) {
  switch (op) {
    case Op::kLess:
      return Op::kGreater;
    case Op::kLessEqual:
      return Op::kGreaterEqual;
    case Op::kGreater:
      return Op::kLess;
    case Op::kGreaterEqual:
      return Op::kLessEqual;
    default:
      return op;
  }
}

size_t IdDigits(const Field& field) {
  switch (field.intrinsic) {
    case Intrinsic::kTraceId:
    case Intrinsic::kLinkTraceId:
      return 32;
    case Intrinsic::kSpanId:
    case Intrinsic::kParentId:
    case Intrinsic::kLinkSpanId:
      return 16;
    default:
      return 0;
  }
}

std::string CanonicalId(std::string_view text, size_t digits) {
  if (text.empty() || text.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
    return std::string(text);
  }
  const std::string_view significant =
      text.substr(std::min(text.find_first_not_of('0'), text.size()));
  if (significant.size() > digits) return std::string(text);
  std::string id(digits - significant.size(), '0');
  for (const char c : significant) id.push_back(c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c);
  return id;
}

bool OnlyAsksForRoots(const Expr& expr) {
  const Operation* operation = expr.operation();
  if (operation == nullptr || operation->args.size() != 2) return false;
  const Field* field = operation->args[0].field();
  const Expr* limit_expr = &operation->args[1];
  Op op = operation->op;
  if (field == nullptr) {
    field = operation->args[1].field();
    limit_expr = &operation->args[0];
    op = Mirrored(op);
  }
  if (field == nullptr || field->intrinsic != Intrinsic::kNestedSetParent || field->of_parent) {
    return false;
  }
  std::vector<const Field*> others;
  CollectFields(*limit_expr, &others);
  if (!others.empty()) return false;
  const Scalar limit = ValueOf(*limit_expr, Scalar{});
  if (!limit.IsNumber()) return false;
  const double x = limit.AsDouble();
  if (op == Op::kEqual || op == Op::kNotEqual) return x == -1;
  if (op == Op::kLess || op == Op::kGreaterEqual) return x > -1 && x <= 0;
  if (op == Op::kLessEqual || op == Op::kGreater) return x >= -1 && x < 0;
  return false;
}

int CostOf(const Expr& expr) {
  if (const Field* field = expr.field()) {
    const bool scoped = field->intrinsic == Intrinsic::kNone && field->scope != Scope::kAny;
    const bool heavy = IdDigits(*field) > 0 || field->of_parent;
    return scoped ? 1 : heavy ? 5 : 2;
  }
  int cost = 0;
  if (const Operation* operation = expr.operation()) {
    for (const Expr& arg : operation->args) cost += CostOf(arg);
  }
  return cost;
}

const Field* FieldOfEquality(const Expr& expr) {
  const Operation* operation = expr.operation();
  if (operation == nullptr || operation->op != Op::kEqual || NilTested(*operation) != nullptr) {
    return nullptr;
  }
  const Expr& a = operation->args[0];
  const Expr& b = operation->args[1];
  if (a.field() != nullptr && b.literal() != nullptr) return a.field();
  if (b.field() != nullptr && a.literal() != nullptr) return b.field();
  return nullptr;
}

}  // namespace tocsin::traceql
