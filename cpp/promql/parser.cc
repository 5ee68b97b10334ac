// Recursive descent with precedence climbing over the tokens of the whole query. The first error
// ends the parse; its text and place are those of Prometheus's generated parser where that has a
// message of its own.

#include "cpp/promql/parser.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "cpp/base/quote.h"
#include "cpp/promql/duration_parser.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/lexer.h"
#include "cpp/promql/modifier_parser.h"
#include "cpp/promql/selector_parser.h"
#include "cpp/promql/token_stream.h"
#include "cpp/promql/type_check.h"

namespace tocsin::promql {
namespace {

using Kind = TokenKind;

constexpr std::string_view kTraceqlName = "traceql";
constexpr int kLowestPrecedence = 1;
constexpr int kPowPrecedence = 6;

// 0 for what is no binary operator.
int Precedence(Kind kind) {
  switch (kind) {
    case Kind::kOr:
      return kLowestPrecedence;
    case Kind::kAnd:
    case Kind::kUnless:
      return 2;
    case Kind::kAdd:
    case Kind::kSub:
      return 4;
    case Kind::kMul:
    case Kind::kDiv:
    case Kind::kMod:
    case Kind::kAtan2:
      return 5;
    case Kind::kPow:
      return kPowPrecedence;
    default:
      return IsOperator(kind) ? 3 : 0;  // What remains are comparisons and trims.
  }
}

// Token kinds list the operators and the aggregations in the order of the tree's own enumerations.
BinaryOp BinaryOpOf(Kind kind) {
  return static_cast<BinaryOp>(static_cast<int>(kind) - static_cast<int>(Kind::kAdd));
}
AggregateOp AggregateOpOf(Kind kind) {
  return static_cast<AggregateOp>(static_cast<int>(kind) - static_cast<int>(Kind::kSum));
}
static_assert(static_cast<int>(Kind::kUnless) - static_cast<int>(Kind::kAdd) ==
              static_cast<int>(BinaryOp::kUnless));
static_assert(static_cast<int>(Kind::kLimitRatio) - static_cast<int>(Kind::kSum) ==
              static_cast<int>(AggregateOp::kLimitRatio));

class Parser {
 public:
  Parser(std::string_view query, const ParserOptions& options)
      : tokens_(query), options_(options) {}

  Result<Expr> ParseQuery();
  Result<std::vector<Matcher>> ParseSelectorAlone();

 private:
  const Token& Peek(size_t ahead = 0) const { return tokens_.Peek(ahead); }
  Kind PeekKind(size_t ahead = 0) const { return tokens_.PeekKind(ahead); }
  Failure Error(PosRange pos, std::string_view message) const {
    return tokens_.Error(pos, message);
  }
  PosRange Since(uint32_t start) const { return {start, tokens_.consumed_end()}; }

  Result<Expr> Make(Expr::Node node, PosRange pos, uint32_t height_below) const;

  Result<Expr> ParseExpr(int precedence);
  Result<Expr> ParseOperand();
  Result<Expr> ParseUnary();
  Result<Expr> ParsePrimary();
  Result<Expr> ParsePostfix(Expr expr);
  Result<Expr> ParseNumber();
  Result<Expr> ParseParen();
  Result<Expr> ParseBinaryRest(Expr lhs);
  Result<Expr> ParseCall();
  Result<Expr> ParseAggregate();
  Result<Expr> ParseVectorSelector();
  Result<Expr> ParseTraceql();
  Result<Expr> ParseBrackets(Expr expr);
  Result<Expr> ParseMatrixSelector(Expr expr, Duration range, uint32_t bracket) const;

  Result<std::vector<Expr>> ParseArguments();
  Status ParseGrouping(Aggregate* aggregate);
  Status ParseVectorMatching(Binary* binary);
  Status ParseFill(VectorMatching* matching);
  Result<double> ParseFillValue();

  TokenStream tokens_;
  const ParserOptions options_;
  SelectorParser selectors_{&tokens_, options_};
  uint32_t depth_ = 0;
};

Result<Expr> Parser::Make(Expr::Node node, PosRange pos, uint32_t height_below) const {
  if (height_below >= kMaxExpressionHeight) return Error(pos, "expression is nested too deeply");
  return Expr{std::move(node), pos, height_below + 1};
}

Result<Expr> Parser::ParseQuery() {
  if (PeekKind() == Kind::kEnd) return Error({}, "no expression found in input");
  TOCSIN_ASSIGN_OR_RETURN(Expr expr, ParseExpr(kLowestPrecedence));
  if (PeekKind() != Kind::kEnd) return tokens_.Unexpected("", "");
  TOCSIN_RETURN_IF_ERROR(CheckTypes(&expr, tokens_.query()));
  return expr;
}

Result<std::vector<Matcher>> Parser::ParseSelectorAlone() {
  if (!CanNameMetric(PeekKind()) && PeekKind() != Kind::kLeftBrace) {
    return tokens_.Unexpected("", "");
  }
  TOCSIN_ASSIGN_OR_RETURN(Expr expr, ParseVectorSelector());
  if (PeekKind() != Kind::kEnd) return tokens_.Unexpected("", "");
  return std::move(std::get<VectorSelector>(expr.node).matchers);
}

Result<Expr> Parser::ParseExpr(int precedence) {
  if (depth_ >= kMaxExpressionNesting) {
    return Error({Peek().position, Peek().end()}, "expression is nested too deeply");
  }
  ++depth_;
  Result<Expr> expr = ParseOperand();
  while (expr.has_value() && Precedence(PeekKind()) >= precedence && Precedence(PeekKind()) > 0) {
    expr = ParseBinaryRest(*std::move(expr));
  }
  --depth_;
  return expr;
}

Result<Expr> Parser::ParseBinaryRest(Expr lhs) {
  const Token op = tokens_.Take();
  const int precedence = Precedence(op.kind);
  VectorMatching no_matching;
  Binary binary{BinaryOpOf(op.kind), false, no_matching, {}, std::move(lhs), Expr{}};
  TOCSIN_RETURN_IF_ERROR(ParseVectorMatching(&binary));
  binary.op_pos = Since(op.position);
  // To the right of ^ stands everything that ^ itself may join; of the others what binds tighter.
  TOCSIN_ASSIGN_OR_RETURN(Expr rhs, ParseExpr(op.kind == Kind::kPow ? precedence : precedence + 1));
  const uint32_t height = std::max(binary.lhs->height, rhs.height);
  const PosRange pos{binary.lhs->pos.start, rhs.pos.end};
  binary.rhs = std::move(rhs);
  return Make(std::move(binary), pos, height);
}

Status Parser::ParseVectorMatching(Binary* binary) {
  VectorMatching& matching = *binary->matching;
  if (tokens_.TakeIf(Kind::kBool)) binary->return_bool = true;
  if (PeekKind() == Kind::kOn || PeekKind() == Kind::kIgnoring) {
    matching.on = tokens_.Take().kind == Kind::kOn;
    TOCSIN_ASSIGN_OR_RETURN(matching.labels, selectors_.ParseLabelList());
    if (PeekKind() == Kind::kGroupLeft || PeekKind() == Kind::kGroupRight) {
      matching.cardinality = tokens_.Take().kind == Kind::kGroupLeft ? Cardinality::kManyToOne
                                                                     : Cardinality::kOneToMany;
      if (PeekKind() == Kind::kLeftParen) {
        TOCSIN_ASSIGN_OR_RETURN(matching.include, selectors_.ParseLabelList());
      }
    }
  }
  if (IsFillKeyword(PeekKind()) && PeekKind(1) == Kind::kLeftParen) return ParseFill(&matching);
  return Status();
}

Status Parser::ParseFill(VectorMatching* matching) {
  const PosRange pos{Peek().position, Peek().end()};
  const Kind first = tokens_.Take().kind;
  TOCSIN_ASSIGN_OR_RETURN(const double value, ParseFillValue());
  if (first != Kind::kFillRight) matching->fill_left = value;
  if (first != Kind::kFillLeft) matching->fill_right = value;
  const Kind other = first == Kind::kFillLeft ? Kind::kFillRight : Kind::kFillLeft;
  if (first != Kind::kFill && tokens_.TakeIf(other)) {
    TOCSIN_ASSIGN_OR_RETURN(const double second, ParseFillValue());
    (first == Kind::kFillLeft ? matching->fill_right : matching->fill_left) = second;
  }
  if (!options_.fill_modifiers) {
    return Error(pos, "binop fill modifiers are experimental and not enabled");
  }
  return Status();
}

Result<double> Parser::ParseFillValue() {
  if (!tokens_.TakeIf(Kind::kLeftParen)) return tokens_.Unexpected("", "");
  bool negative = false;
  if (PeekKind() == Kind::kAdd || PeekKind() == Kind::kSub) {
    negative = tokens_.Take().kind == Kind::kSub;
  }
  if (PeekKind() != Kind::kNumber && PeekKind() != Kind::kDuration) {
    return tokens_.Unexpected("", "");
  }
  TOCSIN_ASSIGN_OR_RETURN(const double value, tokens_.TakeNumber());
  if (!tokens_.TakeIf(Kind::kRightParen)) return tokens_.Unexpected("", "");
  return negative ? -value : value;
}

Result<Expr> Parser::ParseOperand() {
  if (PeekKind() == Kind::kAdd || PeekKind() == Kind::kSub) return ParseUnary();
  TOCSIN_ASSIGN_OR_RETURN(Expr primary, ParsePrimary());
  return ParsePostfix(std::move(primary));
}

Result<Expr> Parser::ParseUnary() {
  const Token sign = tokens_.Take();
  const bool negative = sign.kind == Kind::kSub;
  TOCSIN_ASSIGN_OR_RETURN(Expr operand, ParseExpr(kPowPrecedence));
  if (auto* number = std::get_if<NumberLiteral>(&operand.node)) {
    if (negative) number->value = -number->value;
    operand.pos.start = sign.position;
    return operand;
  }
  const uint32_t height = operand.height;
  const PosRange pos{sign.position, operand.pos.end};
  return Make(Unary{negative, std::move(operand)}, pos, height);
}

Result<Expr> Parser::ParsePrimary() {
  const Token& token = Peek();
  switch (token.kind) {
    case Kind::kNumber:
    case Kind::kDuration:
      return ParseNumber();
    case Kind::kString: {
      const Token string = tokens_.Take();
      TOCSIN_ASSIGN_OR_RETURN(std::string value, UnquoteGo(string.text));
      return Make(StringLiteral{std::move(value)}, {string.position, string.end()}, 0);
    }
    case Kind::kLeftParen:
      return ParseParen();
    case Kind::kLeftBrace:
      return ParseVectorSelector();
    default:
      break;
  }
  const Kind next = PeekKind(1);
  if (IsAggregator(token.kind) &&
      (next == Kind::kLeftParen || next == Kind::kBy || next == Kind::kWithout)) {
    return ParseAggregate();
  }
  const bool callable = token.kind == Kind::kIdentifier || token.kind >= Kind::kStart;
  if (callable && next == Kind::kLeftParen) {
    return token.text == kTraceqlName ? ParseTraceql() : ParseCall();
  }
  if (CanNameMetric(token.kind)) return ParseVectorSelector();
  return tokens_.Unexpected("", "");
}

Result<Expr> Parser::ParseNumber() {
  const bool has_unit = PeekKind() == Kind::kDuration;
  const uint32_t start = Peek().position;
  TOCSIN_ASSIGN_OR_RETURN(const double value, tokens_.TakeNumber());
  return Make(NumberLiteral{value, has_unit}, Since(start), 0);
}

Result<Expr> Parser::ParseParen() {
  const uint32_t start = tokens_.Take().position;
  TOCSIN_ASSIGN_OR_RETURN(Expr inner, ParseExpr(kLowestPrecedence));
  if (!tokens_.TakeIf(Kind::kRightParen)) return tokens_.Unexpected("", "");
  const uint32_t height = inner.height;
  return Make(Paren{std::move(inner)}, Since(start), height);
}

Result<std::vector<Expr>> Parser::ParseArguments() {
  if (!tokens_.TakeIf(Kind::kLeftParen)) return tokens_.Unexpected("", "");
  std::vector<Expr> args;
  if (tokens_.TakeIf(Kind::kRightParen)) return args;
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(Expr arg, ParseExpr(kLowestPrecedence));
    args.push_back(std::move(arg));
    if (tokens_.TakeIf(Kind::kRightParen)) return args;
    const PosRange comma{Peek().position, Peek().end()};
    if (!tokens_.TakeIf(Kind::kComma)) return tokens_.Unexpected("", "");
    if (PeekKind() == Kind::kRightParen) {
      return Error(comma, "trailing commas not allowed in function call args");
    }
  }
}

Result<Expr> Parser::ParseCall() {
  const Token name = tokens_.Take();
  const PosRange name_pos{name.position, name.end()};
  TOCSIN_ASSIGN_OR_RETURN(std::vector<Expr> args, ParseArguments());
  const Function* function = FindFunction(name.text);
  if (function == nullptr) {
    return Error(name_pos, "unknown function with name " + QuoteGo(name.text));
  }
  if (function->experimental && !options_.experimental_functions) {
    return Error(name_pos, "function " + QuoteGo(name.text) + " is not enabled");
  }
  uint32_t height = 0;
  for (const Expr& arg : args) height = std::max(height, arg.height);
  return Make(Call{function, std::move(args)}, Since(name.position), height);
}

Status Parser::ParseGrouping(Aggregate* aggregate) {
  aggregate->without = tokens_.Take().kind == Kind::kWithout;
  TOCSIN_ASSIGN_OR_RETURN(aggregate->grouping, selectors_.ParseLabelList());
  return Status();
}

Result<Expr> Parser::ParseAggregate() {
  const Token op = tokens_.Take();
  Aggregate aggregate{AggregateOpOf(op.kind), false, {}, std::nullopt, Expr{}};
  const auto grouping_follows = [this] {
    return PeekKind() == Kind::kBy || PeekKind() == Kind::kWithout;
  };
  const bool grouped_before = grouping_follows();
  if (grouped_before) TOCSIN_RETURN_IF_ERROR(ParseGrouping(&aggregate));
  if (PeekKind() != Kind::kLeftParen) return tokens_.Unexpected("aggregation", "");
  TOCSIN_ASSIGN_OR_RETURN(std::vector<Expr> args, ParseArguments());
  if (!grouped_before && grouping_follows()) TOCSIN_RETURN_IF_ERROR(ParseGrouping(&aggregate));
  const PosRange pos = Since(op.position);
  if (args.empty()) return Error(pos, "no arguments for aggregate expression provided");
  const bool experimental =
      aggregate.op == AggregateOp::kLimitk || aggregate.op == AggregateOp::kLimitRatio;
  if (experimental && !options_.experimental_functions) {
    return Error(pos, std::string(AggregateOpName(aggregate.op)) +
                          "() is experimental and must be enabled with "
                          "--enable-feature=promql-experimental-functions");
  }
  const size_t expected = HasParameter(aggregate.op) ? 2 : 1;
  if (args.size() != expected) {
    return Error(pos, "wrong number of arguments for aggregate expression provided, expected " +
                          std::to_string(expected) + ", got " + std::to_string(args.size()));
  }
  uint32_t height = args.back().height;
  aggregate.expr = std::move(args.back());
  if (expected == 2) {
    height = std::max(height, args.front().height);
    aggregate.param = std::move(args.front());
  }
  return Make(std::move(aggregate), pos, height);
}

Result<Expr> Parser::ParsePostfix(Expr expr) {
  ModifierParser modifiers(&tokens_, options_);
  while (true) {
    if (PeekKind() == Kind::kLeftBracket) {
      TOCSIN_ASSIGN_OR_RETURN(expr, ParseBrackets(std::move(expr)));
    } else if (modifiers.CanStart()) {
      TOCSIN_RETURN_IF_ERROR(modifiers.ParseInto(&expr));
    } else {
      return expr;
    }
  }
}

Result<Expr> Parser::ParseVectorSelector() {
  const uint32_t start = Peek().position;
  TOCSIN_ASSIGN_OR_RETURN(VectorSelector selector, selectors_.ParseVectorSelector());
  return Make(std::move(selector), Since(start), 0);
}

Result<Expr> Parser::ParseTraceql() {
  const uint32_t start = Peek().position;
  TOCSIN_ASSIGN_OR_RETURN(TraceqlSelector selector, selectors_.ParseTraceql());
  return Make(std::move(selector), Since(start), 0);
}

Result<Expr> Parser::ParseBrackets(Expr expr) {
  const uint32_t bracket = tokens_.Take().position;
  DurationParser durations(&tokens_, options_.duration_expressions);
  if (!durations.CanStart()) {
    return tokens_.Unexpected("subquery or range selector", "number, duration, step(), or range()");
  }
  TOCSIN_ASSIGN_OR_RETURN(Duration range, durations.ParsePositive());
  if (tokens_.TakeIf(Kind::kRightBracket)) {
    return ParseMatrixSelector(std::move(expr), std::move(range), bracket);
  }
  if (!tokens_.TakeIf(Kind::kColon)) {
    return tokens_.Unexpected("subquery or range", R"(":" or "]")");
  }
  std::optional<Duration> step;
  if (PeekKind() != Kind::kRightBracket) {
    if (!durations.CanStart()) {
      return tokens_.Unexpected("subquery selector",
                                R"(number, duration, step(), range(), or "]")");
    }
    TOCSIN_ASSIGN_OR_RETURN(step, durations.ParsePositive());
  }
  if (!tokens_.TakeIf(Kind::kRightBracket)) {
    return tokens_.Unexpected("subquery selector", R"("]")");
  }
  const uint32_t height = expr.height;
  const PosRange pos = Since(expr.pos.start);
  return Make(Subquery{std::move(expr), std::move(range), std::move(step), {}}, pos, height);
}

Result<Expr> Parser::ParseMatrixSelector(Expr expr, Duration range, uint32_t bracket) const {
  auto* selector = std::get_if<VectorSelector>(&expr.node);
  if (expr.As<TraceqlSelector>() != nullptr) {
    return Error(Since(bracket),
                 "no range allowed behind traceql(): the time that it looks back is its second "
                 "argument, as in traceql(\"{ } | rate()\", 5m), and its values over time are a "
                 "subquery, as in traceql(\"{ } | rate()\")[1h:1m]");
  }
  if (selector == nullptr) {
    return Error(Since(bracket), "ranges only allowed for vector selectors");
  }
  if (selector->shift.offset) {
    return Error(Since(bracket), "no offset modifiers allowed before range");
  }
  if (selector->shift.at != TimeShift::At::kNone) {
    return Error(Since(bracket), "no @ modifiers allowed before range");
  }
  const PosRange pos = Since(expr.pos.start);
  return Make(MatrixSelector{std::move(*selector), std::move(range)}, pos, 0);
}

}  // namespace

Result<Expr> Parse(std::string_view query, const ParserOptions& options) {
  if (query.size() >= std::numeric_limits<uint32_t>::max()) {
    return InvalidArgumentError("parse error: the query is too long");
  }
  return Parser(query, options).ParseQuery();
}

Result<std::vector<Matcher>> ParseSelector(std::string_view text) {
  if (text.size() >= std::numeric_limits<uint32_t>::max()) {
    return InvalidArgumentError("parse error: the selector is too long");
  }
  return Parser(text, ParserOptions()).ParseSelectorAlone();
}

}  // namespace tocsin::promql
