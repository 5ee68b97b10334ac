#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "cpp/traceql/parser.h"
#include "cpp/traceql/token_stream.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

constexpr std::string_view kOperands = "an attribute, an intrinsic, a value, !, - or (";

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

Result<Expr> Combine(Op op, const Position& at, Expr left, Expr right) {
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

class ExprParser {
 public:
  explicit ExprParser(TokenStream* tokens) : tokens_(*tokens) {}

  Result<Expr> Parse(int min_precedence, uint32_t level);

 private:
  const Token& token() const { return tokens_.token(); }
  Result<Expr> ParseOperand(uint32_t level);
  Result<Expr> ParsePrefix(Op op, uint32_t level);
  Result<Expr> ParseWord();

  TokenStream& tokens_;
};

// Operators that bind more tightly than `min_precedence`, by precedence climbing.
Result<Expr> ExprParser::Parse(int min_precedence, uint32_t level) {
  TOCSIN_ASSIGN_OR_RETURN(Expr left, ParseOperand(level));
  while (true) {
    const std::optional<Op> op = BinaryOp(token());
    if (!op || Precedence(*op) <= min_precedence) return left;
    const Position at = token().at;
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    const int right_associative = *op == Op::kPower ? 1 : 0;
    TOCSIN_ASSIGN_OR_RETURN(Expr right, Parse(Precedence(*op) - right_associative, level + 1));
    TOCSIN_ASSIGN_OR_RETURN(left, Combine(*op, at, std::move(left), std::move(right)));
  }
}

Result<Expr> ExprParser::ParseOperand(uint32_t level) {
  if (level > kMaxDepth) return ParseError(token().at, "the expression is nested too deeply");
  if (token().Is("-")) return ParsePrefix(Op::kNegate, level);
  if (token().Is("!")) return ParsePrefix(Op::kNot, level);
  if (token().Is("(")) {
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    TOCSIN_ASSIGN_OR_RETURN(Expr inner, Parse(0, level + 1));
    if (!token().Is(")")) return tokens_.Unexpected("an operator or )");
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    return inner;
  }
  if (token().kind == Token::Kind::kWord) return ParseWord();
  Expr leaf;
  leaf.at = token().at;
  if (token().kind == Token::Kind::kLiteral) {
    leaf.node = std::move(tokens_.token().literal);
  } else if (token().kind == Token::Kind::kField) {
    leaf.node = std::move(tokens_.token().field);
  } else {
    return tokens_.Unexpected(kOperands);
  }
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  return leaf;
}

Result<Expr> ExprParser::ParsePrefix(Op op, uint32_t level) {
  const Position at = token().at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_ASSIGN_OR_RETURN(Expr operand, Parse(Precedence(op), level + 1));
  Expr whole;
  whole.at = at;
  whole.depth = operand.depth + 1;
  Operation operation;
  operation.op = op;
  operation.args.push_back(std::move(operand));
  whole.node = std::move(operation);
  return whole;
}

Result<Expr> ExprParser::ParseWord() {
  using Limits = std::numeric_limits<int64_t>;
  const std::string_view word = token().text;
  Expr leaf;
  leaf.at = token().at;
  if (word == "true" || word == "false") {
    leaf.node = Literal{Type::kBool, "", word == "true" ? 1 : 0, 0};
  } else if (word == "nil") {
    leaf.node = Literal{};
  } else if (word == "minInt" || word == "maxInt") {
    leaf.node = Literal{Type::kInt, "", word == "minInt" ? Limits::min() : Limits::max(), 0};
  } else if (const auto status = FindStatus(word); status && tokens_.strict()) {
    leaf.node = Literal{Type::kStatus, "", static_cast<int64_t>(*status), 0};
  } else if (const auto kind = FindKind(word); kind && tokens_.strict()) {
    leaf.node = Literal{Type::kKind, "", static_cast<int64_t>(*kind), 0};
  } else {
    TOCSIN_ASSIGN_OR_RETURN(leaf.node, ParseField(&tokens_, kOperands));
    return leaf;
  }
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  return leaf;
}

}  // namespace

Failure TokenStream::Unexpected(std::string_view expected) const {
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

Status TokenStream::Expect(std::string_view symbol) {
  if (!token_.Is(symbol)) return Unexpected(symbol);
  return Advance();
}

Result<Field> ParseField(TokenStream* tokens, std::string_view expected) {
  const Token& token = tokens->token();
  Field field;
  if (token.kind == Token::Kind::kField) {
    field = token.field;
  } else if (token.kind != Token::Kind::kWord) {
    return tokens->Unexpected(expected);
  } else if (const Intrinsic intrinsic = FindIntrinsic(token.text); intrinsic != Intrinsic::kNone) {
    field.intrinsic = intrinsic;
  } else if (!tokens->strict()) {
    field.name = token.text;
    field.bare = true;
  } else {
    const std::string word(token.text);
    return ParseError(token.at, "syntax error: unknown identifier " + word +
                                    "; an attribute is written ." + word + ", span." + word +
                                    " or resource." + word);
  }
  TOCSIN_RETURN_IF_ERROR(tokens->Advance());
  return field;
}

Result<Expr> ParseExpr(TokenStream* tokens) { return ExprParser(tokens).Parse(0, 1); }

}  // namespace tocsin::traceql
