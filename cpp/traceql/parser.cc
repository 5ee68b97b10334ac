#include "cpp/traceql/parser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "cpp/traceql/lexer.h"
#include "cpp/traceql/types.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// Of the wider language: refused by name, so that a user knows it is not a mistake of his.
constexpr std::array<std::string_view, 15> kStructural = {
    ">>", "<<", ">", "<", "~", "!>>", "!<<", "!>", "!<", "!~", "&>>", "&<<", "&>", "&<", "&~"};
constexpr std::array<std::string_view, 5> kAggregates = {"count", "avg", "max", "min", "sum"};
constexpr std::array<std::string_view, 3> kStages = {"by", "select", "coalesce"};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Failure NotSupported(const Position& at, std::string_view construct) {
  return ParseError(at, std::string(construct) + " is not supported in this version");
}

std::optional<Op> BinaryOp(const Token& token) {
  constexpr std::array<Op, 16> kOps = {
      Op::kAnd,      Op::kOr,           Op::kEqual,  Op::kNotEqual, Op::kLess, Op::kLessEqual,
      Op::kGreater,  Op::kGreaterEqual, Op::kRegex,  Op::kNotRegex, Op::kAdd,  Op::kSubtract,
      Op::kMultiply, Op::kDivide,       Op::kModulo, Op::kPower};
  if (token.kind != Token::Kind::kSymbol) return std::nullopt;
  for (const Op op : kOps) {
    if (token.text == OpText(op)) return op;
  }
  return std::nullopt;
}

class Parser {
 public:
  Parser(std::string_view text, bool strict) : lexer_(text, strict), strict_(strict) {}

  Result<Query> ParseQuery();

 private:
  Status Advance() {
    TOCSIN_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return {};
  }
  Failure Unexpected(std::string_view expected) const;
  Status Expect(std::string_view symbol);

  Result<Spanset> ParseSpanset(uint32_t level);
  Result<Spanset> ParseSpansetTerm(uint32_t level);
  Status RefuseWiderLanguage() const;
  Status ParseHints(Query* query);
  Result<Literal> ParseHintValue();

  Result<Expr> ParseExpr(int min_precedence, uint32_t level);
  Result<Expr> ParseOperand(uint32_t level);
  Result<Expr> ParsePrefix(Op op, uint32_t level);
  Result<Expr> ParseWord();
  Result<Expr> Combine(Op op, const Position& at, Expr left, Expr right) const;

  Lexer lexer_;
  bool strict_;
  Token token_;
};

Failure Parser::Unexpected(std::string_view expected) const {
  std::string message = "syntax error: unexpected ";
  if (token_.kind == Token::Kind::kEnd) {
    message.append("end of query");
  } else {
    // A long string is not worth repeating whole.
    constexpr size_t kShown = 40;
    size_t shown = 0;
    while (shown < token_.text.size() && shown < kShown) shown += CharLength(token_.text, shown);
    message.append(token_.text.substr(0, shown)).append(shown < token_.text.size() ? "..." : "");
  }
  return ParseError(token_.at, message.append(", expected ").append(expected));
}

Status Parser::Expect(std::string_view symbol) {
  if (!token_.Is(symbol)) return Unexpected(symbol);
  return Advance();
}

Result<Query> Parser::ParseQuery() {
  TOCSIN_RETURN_IF_ERROR(Advance());
  Query query;
  TOCSIN_ASSIGN_OR_RETURN(query.spans, ParseSpanset(1));
  while (token_.kind == Token::Kind::kWord && token_.text == "with") {
    TOCSIN_RETURN_IF_ERROR(ParseHints(&query));
  }
  if (token_.kind != Token::Kind::kEnd) return Unexpected("&&, || or the end of the query");
  return query;
}

Status Parser::ParseHints(Query* query) {
  TOCSIN_RETURN_IF_ERROR(Advance());
  TOCSIN_RETURN_IF_ERROR(Expect("("));
  while (true) {
    if (token_.kind != Token::Kind::kWord) return Unexpected("the name of a hint");
    std::string name(token_.text);
    TOCSIN_RETURN_IF_ERROR(Advance());
    TOCSIN_RETURN_IF_ERROR(Expect("="));
    TOCSIN_ASSIGN_OR_RETURN(Literal value, ParseHintValue());
    query->hints.emplace_back(std::move(name), std::move(value));
    if (!token_.Is(",")) break;
    TOCSIN_RETURN_IF_ERROR(Advance());
  }
  return Expect(")");
}

Result<Literal> Parser::ParseHintValue() {
  Literal value = token_.literal;
  if (token_.kind == Token::Kind::kWord && (token_.text == "true" || token_.text == "false")) {
    value.type = Type::kBool;
    value.integer = token_.text == "true" ? 1 : 0;
  } else if (token_.kind != Token::Kind::kLiteral) {
    return Unexpected("the value of a hint");
  }
  TOCSIN_RETURN_IF_ERROR(Advance());
  return value;
}

Result<Spanset> Parser::ParseSpanset(uint32_t level) {
  TOCSIN_ASSIGN_OR_RETURN(Spanset left, ParseSpansetTerm(level));
  while (true) {
    TOCSIN_RETURN_IF_ERROR(RefuseWiderLanguage());
    if (!token_.Is("&&") && !token_.Is("||")) return left;
    const Spanset::Kind kind = token_.Is("&&") ? Spanset::Kind::kAnd : Spanset::Kind::kOr;
    const Position at = token_.at;
    TOCSIN_RETURN_IF_ERROR(Advance());
    TOCSIN_ASSIGN_OR_RETURN(Spanset right, ParseSpansetTerm(level));
    if (left.kind == kind) {
      left.args.push_back(std::move(right));
    } else {
      // Alternating operators nest to the left.
      if (++level > kMaxDepth) return ParseError(at, "the query is nested too deeply");
      Spanset both{kind, std::nullopt, {}, at};
      both.args.push_back(std::move(left));
      both.args.push_back(std::move(right));
      left = std::move(both);
    }
  }
}

// What may follow a spanset, or begin a query, in the wider language.
Status Parser::RefuseWiderLanguage() const {
  if (token_.Is("|")) return NotSupported(token_.at, "a pipeline (|)");
  if (token_.kind == Token::Kind::kSymbol && Contains(kStructural, token_.text)) {
    return NotSupported(token_.at, "the structural operator " + std::string(token_.text));
  }
  if (token_.kind == Token::Kind::kWord && Contains(kAggregates, token_.text)) {
    return NotSupported(token_.at, "the aggregate " + std::string(token_.text) + "()");
  }
  if (token_.kind == Token::Kind::kWord && Contains(kStages, token_.text)) {
    return NotSupported(token_.at, "the pipeline stage " + std::string(token_.text) + "()");
  }
  if (token_.kind == Token::Kind::kLiteral || token_.Is("-")) {
    return NotSupported(token_.at, "arithmetic with metrics queries");
  }
  return {};
}

Result<Spanset> Parser::ParseSpansetTerm(uint32_t level) {
  if (level > kMaxDepth) return ParseError(token_.at, "the query is nested too deeply");
  const Position at = token_.at;
  if (token_.Is("(")) {
    TOCSIN_RETURN_IF_ERROR(Advance());
    TOCSIN_ASSIGN_OR_RETURN(Spanset inner, ParseSpanset(level + 1));
    TOCSIN_RETURN_IF_ERROR(Expect(")"));
    return inner;
  }
  if (!token_.Is("{")) {
    TOCSIN_RETURN_IF_ERROR(RefuseWiderLanguage());
    return Unexpected("{ or (");
  }
  TOCSIN_RETURN_IF_ERROR(Advance());
  Spanset filter;
  filter.at = at;
  if (!token_.Is("}")) {
    TOCSIN_ASSIGN_OR_RETURN(Expr condition, ParseExpr(0, 1));
    if (!token_.Is("}")) return Unexpected("an operator or }");
    TOCSIN_RETURN_IF_ERROR(CheckCondition(&condition));
    filter.condition = std::move(condition);
  }
  TOCSIN_RETURN_IF_ERROR(Advance());
  return filter;
}

// Operators that bind more tightly than `min_precedence`, by precedence climbing.
Result<Expr> Parser::ParseExpr(int min_precedence, uint32_t level) {
  TOCSIN_ASSIGN_OR_RETURN(Expr left, ParseOperand(level));
  while (true) {
    const std::optional<Op> op = BinaryOp(token_);
    if (!op || Precedence(*op) <= min_precedence) return left;
    const Position at = token_.at;
    TOCSIN_RETURN_IF_ERROR(Advance());
    const int right_associative = *op == Op::kPower ? 1 : 0;
    TOCSIN_ASSIGN_OR_RETURN(Expr right, ParseExpr(Precedence(*op) - right_associative, level + 1));
    TOCSIN_ASSIGN_OR_RETURN(left, Combine(*op, at, std::move(left), std::move(right)));
  }
}

Result<Expr> Parser::Combine(Op op, const Position& at, Expr left, Expr right) const {
  Operation* chain = left.operation();
  if (chain != nullptr && chain->op == op && (op == Op::kAnd || op == Op::kOr)) {
    left.depth = std::max(left.depth, right.depth + 1);
    chain->args.push_back(std::move(right));
  } else {
    Expr both;
    both.at = at;
    both.depth = std::max(left.depth, right.depth) + 1;
    Operation operation;
    operation.op = op;
    operation.args.reserve(2);
    operation.args.push_back(std::move(left));
    operation.args.push_back(std::move(right));
    both.node = std::move(operation);
    left = std::move(both);
  }
  if (left.depth > kMaxDepth) return ParseError(at, "the expression is nested too deeply");
  return left;
}

Result<Expr> Parser::ParseOperand(uint32_t level) {
  if (level > kMaxDepth) return ParseError(token_.at, "the expression is nested too deeply");
  if (token_.Is("-")) return ParsePrefix(Op::kNegate, level);
  if (token_.Is("!")) return ParsePrefix(Op::kNot, level);
  if (token_.Is("(")) {
    TOCSIN_RETURN_IF_ERROR(Advance());
    TOCSIN_ASSIGN_OR_RETURN(Expr inner, ParseExpr(0, level + 1));
    if (!token_.Is(")")) return Unexpected("an operator or )");
    TOCSIN_RETURN_IF_ERROR(Advance());
    return inner;
  }
  if (token_.kind == Token::Kind::kWord) return ParseWord();
  Expr leaf;
  leaf.at = token_.at;
  if (token_.kind == Token::Kind::kLiteral) {
    leaf.node = std::move(token_.literal);
  } else if (token_.kind == Token::Kind::kField) {
    leaf.node = std::move(token_.field);
  } else {
    return Unexpected("an attribute, an intrinsic, a value, !, - or (");
  }
  TOCSIN_RETURN_IF_ERROR(Advance());
  return leaf;
}

Result<Expr> Parser::ParsePrefix(Op op, uint32_t level) {
  const Position at = token_.at;
  TOCSIN_RETURN_IF_ERROR(Advance());
  TOCSIN_ASSIGN_OR_RETURN(Expr operand, ParseExpr(Precedence(op), level + 1));
  Expr whole;
  whole.at = at;
  whole.depth = operand.depth + 1;
  Operation operation;
  operation.op = op;
  operation.args.push_back(std::move(operand));
  whole.node = std::move(operation);
  return whole;
}

Result<Expr> Parser::ParseWord() {
  using Limits = std::numeric_limits<int64_t>;
  const std::string_view word = token_.text;
  Expr leaf;
  leaf.at = token_.at;
  if (word == "true" || word == "false") {
    leaf.node = Literal{Type::kBool, "", word == "true" ? 1 : 0, 0};
  } else if (word == "nil") {
    leaf.node = Literal{};
  } else if (word == "minInt" || word == "maxInt") {
    leaf.node = Literal{Type::kInt, "", word == "minInt" ? Limits::min() : Limits::max(), 0};
  } else if (const Intrinsic intrinsic = FindIntrinsic(word); intrinsic != Intrinsic::kNone) {
    leaf.node = Field{intrinsic, Scope::kAny, "", false, false};
  } else if (!strict_) {
    leaf.node = Field{Intrinsic::kNone, Scope::kAny, std::string(word), false, true};
  } else if (const auto status = FindStatus(word)) {
    leaf.node = Literal{Type::kStatus, "", static_cast<int64_t>(*status), 0};
  } else if (const auto kind = FindKind(word)) {
    leaf.node = Literal{Type::kKind, "", static_cast<int64_t>(*kind), 0};
  } else {
    return ParseError(token_.at, "unknown identifier " + std::string(word) +
                                     "; an attribute is written ." + std::string(word) + ", span." +
                                     std::string(word) + " or resource." + std::string(word));
  }
  TOCSIN_RETURN_IF_ERROR(Advance());
  return leaf;
}

}  // namespace

Result<Query> Parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return ParseError(Position{}, "the query has " + std::to_string(text.size()) +
                                      " bytes, more than the " + std::to_string(options.max_bytes) +
                                      " that are allowed");
  }
  Result<Query> query = Parser(text, options.strict).ParseQuery();
  if (query.has_value() && FieldsOf(*query).size() > kMaxFields) {
    return ParseError(Position{}, "the query names more than " + std::to_string(kMaxFields) +
                                      " different attributes");
  }
  return query;
}

}  // namespace tocsin::traceql
