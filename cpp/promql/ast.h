/// The tree of a PromQL expression: values all the way down, typed, comparable and printable.
///
/// ToString() writes an expression as Prometheus does; parsing that text gives an equal tree.
/// Equality is of structure: positions and spelling (1_000 or 1000) do not count.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/promql/box.h"
#include "cpp/promql/source.h"

namespace tocsin::promql {

struct Function;  // cpp/promql/functions.h

enum class ValueType : uint8_t { kScalar, kString, kVector, kMatrix };

/// As the documentation names it: "scalar", "string", "instant vector", "range vector".
std::string_view ValueTypeName(ValueType type);

/// Bytes [start, end) of the query.
struct PosRange {
  uint32_t start = 0;
  uint32_t end = 0;
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEqual,
  kNotEqual,
  kGreater,
  kLess,
  kGreaterEqual,
  kLessEqual,
  kTrimUpper,  ///< `</`: observations of a native histogram up to a value.
  kTrimLower,  ///< `>/`
  kAnd,
  kOr,
  kUnless,
};

std::string_view BinaryOpName(BinaryOp op);
bool IsComparison(BinaryOp op);
bool IsSetOperator(BinaryOp op);
inline bool IsTrim(BinaryOp op) { return op == BinaryOp::kTrimLower || op == BinaryOp::kTrimUpper; }

enum class AggregateOp : uint8_t {
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kCountValues,
  kQuantile,
  kLimitk,
  kLimitRatio,
};

std::string_view AggregateOpName(AggregateOp op);
bool HasParameter(AggregateOp op);

/// Arithmetic on lengths of time, `5m * 2` or `max_of(step(), 1m)`: known once a query runs.
struct DurationExpr {
  enum class Op : uint8_t {
    kNumber,
    kStep,
    kRange,
    kMinOf,
    kMaxOf,
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kNegate,
    kParen,
  };

  Op op = Op::kNumber;
  double seconds = 0;     ///< Of kNumber.
  bool has_unit = false;  ///< Of kNumber: written 5m, not 300.
  std::vector<DurationExpr> operands;
  PosRange pos;
};

/// A length of time: known, or an expression to be evaluated when the query runs.
struct Duration {
  Millis millis = 0;  ///< Meaningless with an expression.
  std::optional<DurationExpr> expression;
};

/// The modifiers `offset` and `@` of a selector or subquery.
struct TimeShift {
  enum class At : uint8_t { kNone, kTimestamp, kStart, kEnd };

  std::optional<Duration> offset;
  At at = At::kNone;
  Millis timestamp = 0;  ///< Of At::kTimestamp.
};

struct Expr;

struct NumberLiteral {
  double value = 0;
  bool has_unit = false;  ///< Written as a duration; the value is in seconds.
};

struct StringLiteral {
  std::string value;
};

struct VectorSelector {
  std::string name;               ///< The name outside the braces, or "".
  std::vector<Matcher> matchers;  ///< All of them; that of `name` is the last one.
  TimeShift shift;
  bool anchored = false;
  bool smoothed = false;
};

/// `selector[range]`. The modifiers are those of the selector.
struct MatrixSelector {
  VectorSelector selector;
  Duration range;
};

/// `traceql("...", 5m)`: the series that a TraceQL metrics query has, as an instant vector. At each
/// time it sees the spans that began within the window before.
struct TraceqlSelector {
  std::string query;
  std::optional<Duration> window;  ///< Unset: the lookback of the query.
  TimeShift shift;
};

struct Subquery {
  Box<Expr> expr;
  Duration range;
  std::optional<Duration> step;  ///< Unset: the default of the engine.
  TimeShift shift;
};

struct Call {
  const Function* function = nullptr;  ///< Never null; lives for ever.
  std::vector<Expr> args;
};

struct Aggregate {
  AggregateOp op = AggregateOp::kSum;
  bool without = false;
  std::vector<std::string> grouping;  ///< In the order written.
  std::optional<Box<Expr>> param;     ///< The k of topk, the label of count_values.
  Box<Expr> expr;
};

enum class Cardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };

struct VectorMatching {
  Cardinality cardinality = Cardinality::kOneToOne;
  bool on = false;  ///< `labels` are those to compare, not those to ignore.
  std::vector<std::string> labels;
  std::vector<std::string> include;  ///< Of group_left and group_right.
  /// Fill the left and the right side; of a grouping, the many side and the one side, whichever of
  /// group_left and group_right it is (Prometheus has it so).
  std::optional<double> fill_left;
  std::optional<double> fill_right;
};

struct Binary {
  BinaryOp op = BinaryOp::kAdd;
  bool return_bool = false;
  std::optional<VectorMatching> matching;  ///< Set if and only if both sides are vectors.
  PosRange op_pos;
  Box<Expr> lhs;
  Box<Expr> rhs;
};

struct Unary {
  bool negative = false;
  Box<Expr> expr;
};

struct Paren {
  Box<Expr> expr;
};

struct Expr {
  using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector,
                            TraceqlSelector, Subquery, Call, Aggregate, Binary, Unary, Paren>;

  Node node;
  PosRange pos;
  uint32_t height = 1;  ///< Of the tree below; the parser bounds it, so that walks may recurse.

  ValueType type() const;
  /// What remains after the parentheses around it are taken away.
  const Expr& Unwrapped() const;

  template <class T>
  const T* As() const {
    return std::get_if<T>(&node);
  }
};

bool operator==(const Expr& a, const Expr& b);

std::string ToString(const Expr& expr);
std::string ToString(const DurationExpr& expr);
/// `a="b"`
std::string ToString(const Matcher& matcher);

/// The direct children of an expression, in the order in which they are written (a parameter of an
/// aggregation first). Calls `visit(const Expr&)`.
template <class Visitor>
void ForEachChild(const Expr& expr, const Visitor& visit) {
  if (const auto* subquery = expr.As<Subquery>()) {
    visit(*subquery->expr);
  } else if (const auto* call = expr.As<Call>()) {
    for (const Expr& arg : call->args) visit(arg);
  } else if (const auto* aggregate = expr.As<Aggregate>()) {
    if (aggregate->param) visit(**aggregate->param);
    visit(*aggregate->expr);
  } else if (const auto* binary = expr.As<Binary>()) {
    visit(*binary->lhs);
    visit(*binary->rhs);
  } else if (const auto* unary = expr.As<Unary>()) {
    visit(*unary->expr);
  } else if (const auto* paren = expr.As<Paren>()) {
    visit(*paren->expr);
  }
}

/// Calls `visit(const Expr&)` for this expression and everything below it, parents first.
template <class Visitor>
void Walk(const Expr& expr, const Visitor& visit) {
  visit(expr);
  ForEachChild(expr, [&visit](const Expr& child) { Walk(child, visit); });
}

}  // namespace tocsin::promql
