#include "cpp/promql/type_check.h"

#include <algorithm>
#include <string>

#include "cpp/base/quote.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

std::string TypeText(ValueType type) { return std::string(ValueTypeName(type)); }

class TypeChecker {
 public:
  explicit TypeChecker(std::string_view query) : query_(query) {}

  Status Check(Expr& expr) {
    return std::visit([this, &expr](auto& node) { return CheckNode(expr, node); }, expr.node);
  }

 private:
  Failure Error(PosRange pos, std::string_view message) const {
    return ParseErrorAt(query_, pos, message);
  }

  Status Expect(Expr& expr, ValueType want, const std::string& context) {
    TOCSIN_RETURN_IF_ERROR(Check(expr));
    if (expr.type() == want) return Status();
    return Error(expr.pos, "expected type " + TypeText(want) + " in " + context + ", got " +
                               TypeText(expr.type()));
  }

  Status CheckNode(const Expr&, NumberLiteral&) { return Status(); }
  Status CheckNode(const Expr&, StringLiteral&) { return Status(); }
  Status CheckNode(const Expr& expr, VectorSelector& selector) {
    return CheckSelector(expr.pos, selector);
  }
  Status CheckNode(const Expr& expr, MatrixSelector& matrix) {
    return CheckSelector(expr.pos, matrix.selector);
  }
  Status CheckNode(const Expr&, TraceqlSelector&) { return Status(); }
  Status CheckNode(const Expr&, Paren& paren) { return Check(*paren.expr); }
  Status CheckNode(const Expr& expr, Subquery& subquery);
  Status CheckNode(const Expr& expr, Unary& unary);
  Status CheckNode(const Expr& expr, Aggregate& aggregate);
  Status CheckNode(const Expr& expr, Binary& binary);
  Status CheckNode(const Expr& expr, Call& call);

  Status CheckSelector(PosRange pos, const VectorSelector& selector) const;
  Status CheckArgumentCount(const Expr& expr, const Call& call) const;
  Status CheckInfoSelector(const Expr& arg) const;
  Status CheckOperator(const Binary& binary) const;
  Status CheckMatching(const Expr& expr, Binary& binary) const;

  std::string_view query_;
};

Status TypeChecker::CheckSelector(PosRange pos, const VectorSelector& selector) const {
  if (!selector.name.empty()) {
    for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
      const Matcher& matcher = selector.matchers[i];
      if (matcher.name == kMetricName) {
        return Error(pos, "metric name must not be set twice: " + QuoteGo(selector.name) + " or " +
                              QuoteGo(matcher.value));
      }
    }
    return Status();
  }
  const bool selective =
      std::ranges::any_of(selector.matchers, [](const Matcher& m) { return !m.Matches(""); });
  if (selective) return Status();
  return Error(pos, "vector selector must contain at least one non-empty matcher");
}

Status TypeChecker::CheckNode(const Expr& expr, Subquery& subquery) {
  TOCSIN_RETURN_IF_ERROR(Check(*subquery.expr));
  const ValueType type = subquery.expr->type();
  if (type == ValueType::kVector) return Status();
  // Prometheus names the type by its short name here.
  const std::string_view name = type == ValueType::kMatrix ? "matrix" : ValueTypeName(type);
  return Error(expr.pos,
               "subquery is only allowed on instant vector, got " + std::string(name) + " instead");
}

Status TypeChecker::CheckNode(const Expr& expr, Unary& unary) {
  TOCSIN_RETURN_IF_ERROR(Check(*unary.expr));
  const ValueType type = unary.expr->type();
  if (type == ValueType::kScalar || type == ValueType::kVector) return Status();
  return Error(
      expr.pos,
      "unary expression only allowed on expressions of type scalar or instant vector, got " +
          QuoteGo(ValueTypeName(type)));
}

Status TypeChecker::CheckNode(const Expr&, Aggregate& aggregate) {
  TOCSIN_RETURN_IF_ERROR(Expect(*aggregate.expr, ValueType::kVector, "aggregation expression"));
  if (!aggregate.param) return Status();
  const ValueType want =
      aggregate.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
  return Expect(**aggregate.param, want, "aggregation parameter");
}

Status TypeChecker::CheckOperator(const Binary& binary) const {
  if (binary.return_bool && !IsComparison(binary.op)) {
    return Error(binary.op_pos, "bool modifier can only be used on comparison operators");
  }
  const bool scalars =
      binary.lhs->type() == ValueType::kScalar && binary.rhs->type() == ValueType::kScalar;
  if (IsComparison(binary.op) && !binary.return_bool && scalars) {
    return Error(binary.op_pos, "comparisons between scalars must use BOOL modifier");
  }
  if (binary.matching->on) {
    for (const std::string& label : binary.matching->labels) {
      if (std::ranges::find(binary.matching->include, label) != binary.matching->include.end()) {
        return Error(binary.op_pos,
                     "label " + QuoteGo(label) + " must not occur in ON and GROUP clause at once");
      }
    }
  }
  for (const Box<Expr>* side : {&binary.lhs, &binary.rhs}) {
    const ValueType type = (*side)->type();
    if (type != ValueType::kScalar && type != ValueType::kVector) {
      return Error((*side)->pos,
                   "binary expression must contain only scalar and instant vector types");
    }
  }
  return Status();
}

Status TypeChecker::CheckMatching(const Expr& expr, Binary& binary) const {
  VectorMatching& matching = *binary.matching;
  const bool fills = matching.fill_left || matching.fill_right;
  const bool vectors =
      binary.lhs->type() == ValueType::kVector && binary.rhs->type() == ValueType::kVector;
  const std::string op = QuoteGo(BinaryOpName(binary.op));
  if (!vectors) {
    if (!matching.labels.empty()) {
      return Error(expr.pos, "vector matching only allowed between instant vectors");
    }
    if (fills) {
      return Error(expr.pos, "filling in missing series only allowed between instant vectors");
    }
    if (IsSetOperator(binary.op)) {
      return Error(expr.pos, "set operator " + op + " not allowed in binary scalar expression");
    }
    if (IsTrim(binary.op) && binary.lhs->type() == ValueType::kScalar) {
      return Error(expr.pos, "operator " + op + " needs an instant vector on its left-hand side");
    }
    binary.matching.reset();
    return Status();
  }
  if (!IsSetOperator(binary.op)) return Status();
  if (matching.cardinality != Cardinality::kOneToOne) {
    return Error(expr.pos, "no grouping allowed for " + op + " operation");
  }
  if (fills) {
    return Error(expr.pos, "filling in missing series not allowed for set operators");
  }
  matching.cardinality = Cardinality::kManyToMany;
  return Status();
}

Status TypeChecker::CheckNode(const Expr& expr, Binary& binary) {
  TOCSIN_RETURN_IF_ERROR(Check(*binary.lhs));
  TOCSIN_RETURN_IF_ERROR(Check(*binary.rhs));
  TOCSIN_RETURN_IF_ERROR(CheckOperator(binary));
  return CheckMatching(expr, binary);
}

Status TypeChecker::CheckArgumentCount(const Expr& expr, const Call& call) const {
  const Function& function = *call.function;
  const size_t given = call.args.size();
  const size_t listed = function.arg_count;
  const std::string tail =
      " argument(s) in call to " + QuoteGo(function.name) + ", got " + std::to_string(given);
  if (function.variadic == 0) {
    if (given == listed) return Status();
    return Error(expr.pos, "expected " + std::to_string(listed) + tail);
  }
  const size_t least = listed - 1;
  if (given < least) return Error(expr.pos, "expected at least " + std::to_string(least) + tail);
  if (function.variadic < 0) return Status();
  const size_t most = least + static_cast<size_t>(function.variadic);
  if (given > most) return Error(expr.pos, "expected at most " + std::to_string(most) + tail);
  return Status();
}

// The second argument of info() is no query of its own: only the matchers in it are read.
Status TypeChecker::CheckInfoSelector(const Expr& arg) const {
  if (arg.type() != ValueType::kVector) {
    return Error(arg.pos, "expected type instant vector in call to function \"info\", got " +
                              TypeText(arg.type()));
  }
  const auto* selector = arg.As<VectorSelector>();
  if (selector == nullptr) return Error(arg.pos, "expected label selectors only");
  if (!selector->name.empty()) {
    return Error(arg.pos, "expected label selectors only, got vector selector instead");
  }
  return Status();
}

Status TypeChecker::CheckNode(const Expr& expr, Call& call) {
  TOCSIN_RETURN_IF_ERROR(CheckArgumentCount(expr, call));
  const Function& function = *call.function;
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (function.id == FunctionId::kInfo && i == 1) {
      TOCSIN_RETURN_IF_ERROR(CheckInfoSelector(call.args[i]));
      continue;
    }
    const ValueType want = function.args.at(std::min<size_t>(i, function.arg_count - 1));
    TOCSIN_RETURN_IF_ERROR(
        Expect(call.args[i], want, "call to function " + QuoteGo(function.name)));
  }
  return Status();
}

}  // namespace

Failure ParseErrorAt(std::string_view query, PosRange pos, std::string_view message) {
  return InvalidArgumentError(PositionText(query, pos.start) +
                              ": parse error: " + std::string(message));
}

Status CheckTypes(Expr* expr, std::string_view query) { return TypeChecker(query).Check(*expr); }

}  // namespace tocsin::promql
