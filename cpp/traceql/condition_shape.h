/// What kind of condition an expression is, as far as that decides how it is evaluated.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/traceql/ast.h"
#include "cpp/traceql/scalar.h"

namespace tocsin::traceql {

/// The value of an expression whose fields have the values that `value_of(field)` gives.
template <class Values>
Scalar ValueIn(const Expr& expr, const Values& value_of) {
  if (const Literal* literal = expr.literal()) return ScalarOf(*literal);
  if (const Field* field = expr.field()) return value_of(*field);
  const Operation& operation = *expr.operation();
  if (operation.op == Op::kNegate) return Negate(ValueIn(operation.args[0], value_of));
  if (!IsArithmetic(operation.op)) return {};
  return Calculate(operation.op, ValueIn(operation.args[0], value_of),
                   ValueIn(operation.args[1], value_of));
}

/// The same where `bound` is the value of the only field.
Scalar ValueOf(const Expr& expr, const Scalar& bound);

/// The literal nil.
bool IsNil(const Expr& expr);
/// A comparison, negation, `&&` or `||`: true or false in every row.
bool IsCondition(const Expr& expr);
/// The argument that a test for nil looks at; null if it is no such test.
const Expr* NilTested(const Operation& operation);
/// The field of `field = literal`, either way round; null if the expression is something else.
const Field* FieldOfEquality(const Expr& expr);
/// Is it `nestedSetParent op limit`, a question for roots (-1) that has one answer for all other
/// numbers (0, 1, ...)? Then it needs no nested sets: how Grafana asks for root spans.
bool OnlyAsksForRoots(const Expr& expr);
/// Roughly what a condition costs, so that of `&&` the cheap come first and may spare the others.
/// An attribute's column may not be there at all, which decides at once.
int CostOf(const Expr& expr);
/// Appends the fields that are not in `out` yet.
void CollectFields(const Expr& expr, std::vector<const Field*>* out);
/// The comparison with its sides exchanged.
Op Mirrored(Op op);

/// Hexadecimal digits of an id field; 0 for other fields.
size_t IdDigits(const Field& field);
/// Ids are compared without regard to case and to zeros on the left. What is no id stays as it is,
/// and equals none.
std::string CanonicalId(std::string_view text, size_t digits);

}  // namespace tocsin::traceql
