#include "cpp/promql/ast.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <type_traits>
#include <utility>

#include "cpp/promql/functions.h"

namespace tocsin::promql {
namespace {

constexpr std::array<std::string_view, 18> kBinaryOpNames = {"+",   "-",     "*",     "/",  "%",
                                                             "^",   "atan2", "==",    "!=", ">",
                                                             "<",   ">=",    "<=",    "</", ">/",
                                                             "and", "or",    "unless"};

constexpr std::array<std::string_view, 14> kAggregateOpNames = {
    "sum",    "avg",  "count",   "min",          "max",      "group",  "stddev",
    "stdvar", "topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"};

// Two literals are the same if they print the same: any NaN equals any NaN, 0 is not -0.
bool SameNumber(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

bool SameFill(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || SameNumber(*a, *b));
}

bool Same(const DurationExpr& a, const DurationExpr& b) {
  return a.op == b.op && SameNumber(a.seconds, b.seconds) &&
         std::ranges::equal(a.operands, b.operands, Same);
}

bool Same(const Duration& a, const Duration& b) {
  if (a.expression.has_value() != b.expression.has_value()) return false;
  return a.expression ? Same(*a.expression, *b.expression) : a.millis == b.millis;
}

bool Same(const std::optional<Duration>& a, const std::optional<Duration>& b) {
  return a.has_value() == b.has_value() && (!a || Same(*a, *b));
}

bool Same(const TimeShift& a, const TimeShift& b) {
  return Same(a.offset, b.offset) && a.at == b.at && a.timestamp == b.timestamp;
}

bool Same(const Matcher& a, const Matcher& b) {
  return a.op == b.op && a.name == b.name && a.value == b.value;
}

bool Same(const VectorMatching& a, const VectorMatching& b) {
  return a.cardinality == b.cardinality && a.on == b.on && a.labels == b.labels &&
         a.include == b.include && SameFill(a.fill_left, b.fill_left) &&
         SameFill(a.fill_right, b.fill_right);
}

bool Same(const NumberLiteral& a, const NumberLiteral& b) { return SameNumber(a.value, b.value); }

bool Same(const StringLiteral& a, const StringLiteral& b) { return a.value == b.value; }

bool Same(const VectorSelector& a, const VectorSelector& b) {
  const auto same_matcher = [](const Matcher& x, const Matcher& y) { return Same(x, y); };
  return a.name == b.name && std::ranges::equal(a.matchers, b.matchers, same_matcher) &&
         Same(a.shift, b.shift) && a.anchored == b.anchored && a.smoothed == b.smoothed;
}

bool Same(const MatrixSelector& a, const MatrixSelector& b) {
  return Same(a.selector, b.selector) && Same(a.range, b.range);
}

bool Same(const TraceqlSelector& a, const TraceqlSelector& b) {
  return a.query == b.query && Same(a.window, b.window) && Same(a.shift, b.shift);
}

bool Same(const Subquery& a, const Subquery& b) {
  return *a.expr == *b.expr && Same(a.range, b.range) && Same(a.step, b.step) &&
         Same(a.shift, b.shift);
}

bool Same(const Call& a, const Call& b) { return a.function == b.function && a.args == b.args; }

bool Same(const Aggregate& a, const Aggregate& b) {
  return a.op == b.op && a.without == b.without && a.grouping == b.grouping &&
         a.param.has_value() == b.param.has_value() && (!a.param || **a.param == **b.param) &&
         *a.expr == *b.expr;
}

bool Same(const Binary& a, const Binary& b) {
  return a.op == b.op && a.return_bool == b.return_bool &&
         a.matching.has_value() == b.matching.has_value() &&
         (!a.matching || Same(*a.matching, *b.matching)) && *a.lhs == *b.lhs && *a.rhs == *b.rhs;
}

bool Same(const Unary& a, const Unary& b) { return a.negative == b.negative && *a.expr == *b.expr; }

bool Same(const Paren& a, const Paren& b) { return *a.expr == *b.expr; }

}  // namespace

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
  }
  return "none";
}

std::string_view BinaryOpName(BinaryOp op) { return kBinaryOpNames.at(static_cast<size_t>(op)); }

bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kLessEqual; }

bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }

std::string_view AggregateOpName(AggregateOp op) {
  return kAggregateOpNames.at(static_cast<size_t>(op));
}

bool HasParameter(AggregateOp op) { return op >= AggregateOp::kTopk; }

ValueType Expr::type() const {
  const auto of_node = [](const auto& n) -> ValueType {
    using T = std::decay_t<decltype(n)>;
    if constexpr (std::is_same_v<T, NumberLiteral>) {
      return ValueType::kScalar;
    } else if constexpr (std::is_same_v<T, StringLiteral>) {
      return ValueType::kString;
    } else if constexpr (std::is_same_v<T, MatrixSelector> || std::is_same_v<T, Subquery>) {
      return ValueType::kMatrix;
    } else if constexpr (std::is_same_v<T, Call>) {
      return n.function->return_type;
    } else if constexpr (std::is_same_v<T, Binary>) {
      const bool scalars =
          n.lhs->type() == ValueType::kScalar && n.rhs->type() == ValueType::kScalar;
      return scalars ? ValueType::kScalar : ValueType::kVector;
    } else if constexpr (std::is_same_v<T, Unary> || std::is_same_v<T, Paren>) {
      return n.expr->type();
    } else {
      return ValueType::kVector;
    }
  };
  return std::visit(of_node, node);
}

const Expr& Expr::Unwrapped() const {
  const Expr* expr = this;
  while (const auto* paren = expr->As<Paren>()) expr = &*paren->expr;
  return *expr;
}

bool operator==(const Expr& a, const Expr& b) {
  if (a.node.index() != b.node.index()) return false;
  const auto same_node = [&b](const auto& node) {
    return Same(node, std::get<std::decay_t<decltype(node)>>(b.node));
  };
  return std::visit(same_node, a.node);
}

}  // namespace tocsin::promql
