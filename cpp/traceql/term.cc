#include "cpp/traceql/term.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "cpp/traceql/number.h"

namespace tocsin::traceql {
namespace {

struct SpansetOp {
  Spanset::Kind kind;
  Spanset::Form form;
};

std::optional<SpansetOp> SpansetOpOf(std::string_view text) {
  using Kind = Spanset::Kind;
  using Form = Spanset::Form;
  constexpr std::array<Kind, 5> kStructural = {Kind::kDescendant, Kind::kAncestor, Kind::kChild,
                                               Kind::kParent, Kind::kSibling};
  if (text == "&&") return SpansetOp{Kind::kAnd, Form::kPlain};
  if (text == "||") return SpansetOp{Kind::kOr, Form::kPlain};
  for (const Kind kind : kStructural) {
    for (const Form form : {Form::kPlain, Form::kNegated, Form::kUnion}) {
      if (text == SpansetOpText(kind, form)) return SpansetOp{kind, form};
    }
  }
  return std::nullopt;
}

bool HasAggregate(const ScalarExpr& scalar) {
  return (scalar.kind != ScalarExpr::Kind::kNumber &&
          scalar.kind != ScalarExpr::Kind::kOperation) ||
         std::any_of(scalar.args.begin(), scalar.args.end(), HasAggregate);
}

Failure UnexpectedOperator(const Token& op, std::string_view why) {
  return ParseError(op.at,
                    "syntax error: unexpected " + std::string(op.text) + ", " + std::string(why));
}

Result<Term> CombineSpansets(const Token& op, Term left, Term right, bool strict) {
  const std::optional<SpansetOp> kind = SpansetOpOf(op.text);
  if (!kind) return UnexpectedOperator(op, "which does not combine spansets");
  Term both;
  both.at = left.at;
  both.plain = left.plain && right.plain;
  both.wrapped = left.wrapped && right.wrapped;
  both.depth = std::max(left.depth, right.depth) + 1;
  if (strict && !both.plain && !both.wrapped) {
    return UnexpectedOperator(op, "which takes filters, or pipelines in parentheses");
  }
  const bool chain = kind->kind == Spanset::Kind::kAnd || kind->kind == Spanset::Kind::kOr;
  if (chain && left.spanset()->kind == kind->kind) {
    both.depth = std::max(left.depth, right.depth + 1);
    left.spanset()->args.push_back(std::move(*right.spanset()));
    both.node = std::move(left.node);
    return both;
  }
  Spanset spanset;
  spanset.kind = kind->kind;
  spanset.form = kind->form;
  spanset.at = op.at;
  spanset.args.reserve(2);
  spanset.args.push_back(std::move(*left.spanset()));
  spanset.args.push_back(std::move(*right.spanset()));
  both.node = std::move(spanset);
  return both;
}

Result<Term> CombineScalars(const Token& op, Term left, Term right) {
  const std::optional<Op> kind = OpOf(op.text);
  if (!kind) return UnexpectedOperator(op, "which does not apply to numbers");
  Term both;
  both.at = left.at;
  both.plain = left.plain && right.plain;
  both.depth = std::max(left.depth, right.depth) + 1;
  if (!IsComparison(*kind)) {
    ScalarExpr scalar;
    scalar.kind = ScalarExpr::Kind::kOperation;
    scalar.op = *kind;
    scalar.at = op.at;
    scalar.args.push_back(std::move(*left.scalar()));
    scalar.args.push_back(std::move(*right.scalar()));
    both.node = std::move(scalar);
    return both;
  }
  if (!HasAggregate(*left.scalar()) && !HasAggregate(*right.scalar())) {
    return UnexpectedOperator(op, "one side of which must have an aggregate such as count()");
  }
  both.node = ScalarFilter{*kind, std::move(*left.scalar()), std::move(*right.scalar())};
  return both;
}

Result<Term> CombineSeries(const Token& op, Term left, Term right) {
  const std::optional<Op> kind = OpOf(op.text);
  if (!kind) return UnexpectedOperator(op, "which does not apply to metrics queries");
  if (IsComparison(*kind)) return KeepPoints(op, std::move(left), std::move(right));
  if (*kind == Op::kModulo || *kind == Op::kPower) {
    return UnexpectedOperator(op, "only + - * / apply to metrics queries");
  }
  SeriesExpr both;
  both.kind = SeriesExpr::Kind::kArithmetic;
  both.op = *kind;
  both.at = op.at;
  for (Term* side : {&left, &right}) {
    if (SeriesExpr* series = side->series()) {
      both.args.push_back(std::move(*series));
      continue;
    }
    SeriesExpr number;
    number.kind = SeriesExpr::Kind::kNumber;
    number.at = side->at;
    TOCSIN_ASSIGN_OR_RETURN(number.number, NumberOf(*side->scalar()));
    both.args.push_back(std::move(number));
  }
  Term term;
  term.at = left.at;
  term.depth = std::max(left.depth, right.depth) + 1;
  term.node = std::move(both);
  return term;
}

}  // namespace

std::optional<Operator> OperatorOf(const Token& token) {
  constexpr std::array<Operator, 30> kOperators = {
      {{"&&", 1}, {"||", 1}, {"=", 2},   {"!=", 2},  {"<", 2},   {"<=", 2},  {">", 2},
       {">=", 2}, {">>", 2}, {"<<", 2},  {"~", 2},   {"!>>", 2}, {"!<<", 2}, {"!>", 2},
       {"!<", 2}, {"!~", 2}, {"&>>", 2}, {"&<<", 2}, {"&>", 2},  {"&<", 2},  {"&~", 2},
       {"+", 3},  {"-", 3},  {"*", 5},   {"/", 5},   {"%", 5},   {"^", 6}}};
  if (token.kind != Token::Kind::kSymbol) return std::nullopt;
  const auto* const it = std::find_if(kOperators.begin(), kOperators.end(),
                                      [&](const Operator& o) { return o.text == token.text; });
  if (it == kOperators.end()) return std::nullopt;
  return *it;
}

std::optional<Op> OpOf(std::string_view text) {
  constexpr std::array<Op, 12> kOps = {
      Op::kEqual, Op::kNotEqual, Op::kLess,     Op::kLessEqual, Op::kGreater, Op::kGreaterEqual,
      Op::kAdd,   Op::kSubtract, Op::kMultiply, Op::kDivide,    Op::kModulo,  Op::kPower};
  const auto* const it =
      std::find_if(kOps.begin(), kOps.end(), [&](Op op) { return OpText(op) == text; });
  if (it == kOps.end()) return std::nullopt;
  return *it;
}

Result<Term> Combine(const Token& op, Term left, Term right, bool strict) {
  if (left.spanset() != nullptr && right.spanset() != nullptr) {
    return CombineSpansets(op, std::move(left), std::move(right), strict);
  }
  if (left.scalar() != nullptr && right.scalar() != nullptr) {
    return CombineScalars(op, std::move(left), std::move(right));
  }
  const bool series = left.series() != nullptr || right.series() != nullptr;
  const bool other = left.spanset() != nullptr || right.spanset() != nullptr ||
                     std::holds_alternative<ScalarFilter>(left.node) ||
                     std::holds_alternative<ScalarFilter>(right.node);
  if (series && !other) return CombineSeries(op, std::move(left), std::move(right));
  return UnexpectedOperator(op, "which cannot stand between these");
}

Result<Term> KeepPoints(const Token& op, Term left, Term right) {
  if (left.series() == nullptr || right.scalar() == nullptr) {
    return UnexpectedOperator(op,
                              "which takes a metrics query on its left and a number on its right");
  }
  SeriesExpr filter;
  filter.kind = SeriesExpr::Kind::kFilter;
  filter.op = *OpOf(op.text);
  filter.at = op.at;
  TOCSIN_ASSIGN_OR_RETURN(filter.number, ThresholdOf(*right.scalar()));
  filter.args.push_back(std::move(*left.series()));
  Term term;
  term.at = left.at;
  term.depth = left.depth + 1;
  term.node = std::move(filter);
  return term;
}

}  // namespace tocsin::traceql
