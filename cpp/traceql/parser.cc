#include "cpp/traceql/parser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "cpp/traceql/number.h"
#include "cpp/traceql/term.h"
#include "cpp/traceql/token_stream.h"
#include "cpp/traceql/validate.h"
#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// Of quantile_over_time(): each is a series for each group.
constexpr size_t kMostQuantiles = 64;
constexpr std::string_view kTooDeep = "the query is nested too deeply";

class Parser {
 public:
  Parser(std::string_view text, bool strict) : tokens_(text, strict) {}

  Result<Query> ParseQuery();

 private:
  const Token& token() const { return tokens_.token(); }

  // A pipeline as far as it is read: stages, and what they end in.
  struct Reading {
    Pipeline stages;
    std::optional<Term> last;  // A spanset or filter is also the last of `stages`.
    bool plain = true;         // Of all spansets among the stages.
  };

  Result<Term> ParsePipeline(uint32_t level);
  Status ParseStages(uint32_t level, Reading* reading);
  Status ParseStage(uint32_t level, Reading* reading);
  Status ParseNamedStage(Reading* reading);
  Status AddTerm(Term term, Reading* reading);
  Result<Term> Finish(Reading reading) const;

  Result<Term> ParseTerm(int min_precedence, uint32_t level);
  Result<Term> ParseOperand(uint32_t level);
  Result<Term> ParseNegation(uint32_t level);
  Result<Term> ParseNot(uint32_t level);
  Result<Term> ParseParentheses(uint32_t level);
  Result<Term> ParseFilter();
  Result<Term> ParseAggregate();

  std::optional<MetricsFunction::Kind> MetricsWord() const;
  Result<MetricsFunction> ParseMetricsFunction(MetricsFunction::Kind kind);
  Status ParseQuantiles(MetricsFunction* function);
  Status ParseCompare(MetricsFunction* function);
  Result<Term> ParseTop(Term series);
  Result<Term> ParsePointFilters(Term series, uint32_t level);
  Result<std::vector<Field>> ParseFields(std::string_view expected);
  Result<int64_t> ParseInteger();
  Status ParseHints(Query* query);
  Result<Literal> ParseHintValue();

  TokenStream tokens_;
};

Result<Query> Parser::ParseQuery() {
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  Query query;
  TOCSIN_ASSIGN_OR_RETURN(Term term, ParsePipeline(1));
  while (tokens_.IsWord("with")) TOCSIN_RETURN_IF_ERROR(ParseHints(&query));
  const bool whole = token().kind == Token::Kind::kEnd;
  if (term.scalar() != nullptr) return tokens_.Unexpected("a comparison of the aggregate");
  if (!whole) return tokens_.Unexpected("an operator, | or the end of the query");
  if (SeriesExpr* series = term.series()) {
    query.metrics = std::move(*series);
  } else if (Spanset* spanset = term.spanset()) {
    if (spanset->kind == Spanset::Kind::kPipeline) {
      query.pipeline = std::move(spanset->stages);
    } else {
      query.pipeline.push_back(Stage{std::move(*spanset), term.at});
    }
  } else {
    query.pipeline.push_back(Stage{std::move(std::get<ScalarFilter>(term.node)), term.at});
  }
  return query;
}

// Everything up to what closes it: stages with | between them.
Result<Term> Parser::ParsePipeline(uint32_t level) {
  if (level > kMaxDepth) return ParseError(token().at, kTooDeep);
  Reading reading;
  TOCSIN_RETURN_IF_ERROR(ParseStages(level, &reading));
  return Finish(std::move(reading));
}

Status Parser::ParseStages(uint32_t level, Reading* reading) {
  if (tokens_.IsWord("by") || tokens_.IsWord("select")) {
    TOCSIN_RETURN_IF_ERROR(ParseNamedStage(reading));
  } else {
    TOCSIN_ASSIGN_OR_RETURN(Term first, ParseTerm(0, level));
    TOCSIN_RETURN_IF_ERROR(AddTerm(std::move(first), reading));
  }
  while (tokens_.Is("|")) {
    if (reading->last && reading->last->scalar() != nullptr) {
      return tokens_.Unexpected("a comparison of the aggregate");
    }
    if (tokens_.strict() && !reading->plain) return tokens_.Unexpected("an operator");
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    TOCSIN_RETURN_IF_ERROR(ParseStage(level, reading));
  }
  return {};
}

Status Parser::ParseStage(uint32_t level, Reading* reading) {
  if (reading->last && reading->last->series() != nullptr) {
    TOCSIN_ASSIGN_OR_RETURN(Term top, ParseTop(std::move(*reading->last)));
    TOCSIN_ASSIGN_OR_RETURN(reading->last, ParsePointFilters(std::move(top), level));
    return {};
  }
  if (tokens_.IsWord("by") || tokens_.IsWord("select") || tokens_.IsWord("coalesce")) {
    return ParseNamedStage(reading);
  }
  if (const std::optional<MetricsFunction::Kind> kind = MetricsWord()) {
    SeriesExpr series;
    series.at = token().at;
    TOCSIN_ASSIGN_OR_RETURN(series.function, ParseMetricsFunction(*kind));
    series.pipeline = std::move(reading->stages);
    reading->stages.clear();
    Term term;
    term.at = series.at;
    term.node = std::move(series);
    TOCSIN_ASSIGN_OR_RETURN(reading->last, ParsePointFilters(std::move(term), level));
    return {};
  }
  TOCSIN_ASSIGN_OR_RETURN(Term term, ParseTerm(0, level));
  if (term.series() != nullptr) {
    return ParseError(term.at,
                      "syntax error: unexpected metrics query, expected a spanset, an "
                      "aggregate or a stage");
  }
  return AddTerm(std::move(term), reading);
}

Status Parser::AddTerm(Term term, Reading* reading) {
  const Position at = term.at;
  if (Spanset* spanset = term.spanset()) {
    if (tokens_.strict() && !term.plain && !reading->stages.empty()) {
      return ParseError(at, "syntax error: unexpected pipeline in parentheses");
    }
    reading->plain = reading->plain && term.plain;
    reading->stages.push_back(Stage{std::move(*spanset), at});
    term.node = Spanset{};
  } else if (auto* filter = std::get_if<ScalarFilter>(&term.node)) {
    reading->stages.push_back(Stage{std::move(*filter), at});
    term.node = Spanset{};
  }
  reading->last = std::move(term);
  return {};
}

// by(...), select(...), coalesce().
Status Parser::ParseNamedStage(Reading* reading) {
  Stage stage;
  stage.at = token().at;
  const std::string_view word = token().text;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect("("));
  if (word == "coalesce") {
    stage.node = Coalesce{};
    TOCSIN_RETURN_IF_ERROR(tokens_.Expect(")"));
  } else if (word == "select") {
    TOCSIN_ASSIGN_OR_RETURN(std::vector<Field> fields, ParseFields("an attribute or an intrinsic"));
    stage.node = Select{std::move(fields)};
    TOCSIN_RETURN_IF_ERROR(tokens_.Expect(")"));
  } else {
    Group group;
    do {
      if (!group.by.empty()) TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
      TOCSIN_ASSIGN_OR_RETURN(Expr by, ParseExpr(&tokens_));
      group.by.push_back(std::move(by));
    } while (!tokens_.strict() && tokens_.Is(","));
    stage.node = std::move(group);
    if (!tokens_.Is(")")) return tokens_.Unexpected("an operator or )");
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  }
  reading->stages.push_back(std::move(stage));
  reading->last.reset();
  return {};
}

// What the stages are as one term: of one spanset itself, else a pipeline.
Result<Term> Parser::Finish(Reading reading) const {
  Term term = reading.last ? std::move(*reading.last) : Term{};
  if (term.series() != nullptr) return term;
  const bool scalar = term.scalar() != nullptr;
  if (scalar && reading.stages.empty()) return term;
  if (!scalar && reading.stages.size() == 1) {
    if (Spanset* only = std::get_if<Spanset>(&reading.stages[0].node)) {
      term.node = std::move(*only);
      return term;
    }
    if (ScalarFilter* only = std::get_if<ScalarFilter>(&reading.stages[0].node)) {
      term.node = std::move(*only);
      return term;
    }
  }
  term.plain = false;
  term.wrapped = false;
  term.at = reading.stages[0].at;
  if (scalar) {
    ScalarExpr of_pipeline;
    of_pipeline.kind = ScalarExpr::Kind::kPipeline;
    of_pipeline.at = term.at;
    of_pipeline.args.push_back(std::move(*term.scalar()));
    of_pipeline.stages = std::move(reading.stages);
    term.node = std::move(of_pipeline);
  } else {
    Spanset pipeline;
    pipeline.kind = Spanset::Kind::kPipeline;
    pipeline.at = term.at;
    pipeline.stages = std::move(reading.stages);
    term.node = std::move(pipeline);
  }
  return term;
}

// Operators that bind more tightly than `min_precedence`, by precedence climbing.
Result<Term> Parser::ParseTerm(int min_precedence, uint32_t level) {
  TOCSIN_ASSIGN_OR_RETURN(Term left, ParseOperand(level));
  while (true) {
    const std::optional<Operator> op = OperatorOf(token());
    if (!op || op->precedence <= min_precedence) return left;
    const Token at_op = token();
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    const int right_associative = op->text == "^" ? 1 : 0;
    TOCSIN_ASSIGN_OR_RETURN(Term right, ParseTerm(op->precedence - right_associative, level + 1));
    const uint32_t depth = std::max(left.depth, right.depth) + 1;
    if (depth > kMaxDepth) return ParseError(at_op.at, kTooDeep);
    TOCSIN_ASSIGN_OR_RETURN(left,
                            Combine(at_op, std::move(left), std::move(right), tokens_.strict()));
  }
}

Result<Term> Parser::ParseOperand(uint32_t level) {
  if (level > kMaxDepth) return ParseError(token().at, kTooDeep);
  if (tokens_.Is("{")) return ParseFilter();
  if (tokens_.Is("(")) return ParseParentheses(level);
  if (tokens_.Is("-")) return ParseNegation(level);
  if (tokens_.Is("!") && !tokens_.strict()) return ParseNot(level);
  Term term;
  term.at = token().at;
  if (token().kind == Token::Kind::kLiteral && token().literal.type != Type::kString) {
    ScalarExpr number;
    number.at = term.at;
    number.literal = token().literal;
    term.node = std::move(number);
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    return term;
  }
  if (token().kind == Token::Kind::kWord) return ParseAggregate();
  return tokens_.Unexpected("{, (, an aggregate such as count(), or a number");
}

Result<Term> Parser::ParseParentheses(uint32_t level) {
  const Position at = token().at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_ASSIGN_OR_RETURN(Term inner, ParsePipeline(level + 1));
  if (!tokens_.Is(")")) return tokens_.Unexpected("an operator, | or )");
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  inner.at = at;
  inner.wrapped = true;
  // `(count() > 1)` is a spanset: of those that come in the ones that pass.
  if (auto* filter = std::get_if<ScalarFilter>(&inner.node)) {
    Spanset pipeline;
    pipeline.kind = Spanset::Kind::kPipeline;
    pipeline.at = at;
    pipeline.stages.push_back(Stage{std::move(*filter), at});
    inner.node = std::move(pipeline);
    inner.plain = false;
  }
  return inner;
}

// A minus before a number is part of it, except that -2 ^ 2 is -4.
Result<Term> Parser::ParseNegation(uint32_t level) {
  Term term;
  term.at = token().at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_ASSIGN_OR_RETURN(Term operand, ParseTerm(Precedence(Op::kMultiply), level + 1));
  ScalarExpr* scalar = operand.scalar();
  if (scalar == nullptr) return ParseError(operand.at, "syntax error: - takes a number");
  if (scalar->kind == ScalarExpr::Kind::kNumber && !operand.wrapped) {
    scalar->literal = Negated(scalar->literal);
    scalar->at = term.at;
    operand.at = term.at;
    return operand;
  }
  ScalarExpr negated;
  negated.kind = ScalarExpr::Kind::kOperation;
  negated.op = Op::kNegate;
  negated.at = term.at;
  negated.args.push_back(std::move(*scalar));
  term.depth = operand.depth + 1;
  if (term.depth > kMaxDepth) return ParseError(term.at, kTooDeep);
  term.node = std::move(negated);
  return term;
}

Result<Term> Parser::ParseNot(uint32_t level) {
  Term term;
  term.at = token().at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_ASSIGN_OR_RETURN(Term operand, ParseOperand(level + 1));
  Spanset* arg = operand.spanset();
  if (arg == nullptr) return ParseError(operand.at, "syntax error: ! takes a spanset");
  Spanset none;
  none.kind = Spanset::Kind::kNot;
  none.at = term.at;
  none.args.push_back(std::move(*arg));
  term.depth = operand.depth + 1;
  if (term.depth > kMaxDepth) return ParseError(term.at, kTooDeep);
  term.node = std::move(none);
  return term;
}

Result<Term> Parser::ParseFilter() {
  Term term;
  term.at = token().at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  Spanset filter;
  filter.at = term.at;
  if (!tokens_.Is("}")) {
    TOCSIN_ASSIGN_OR_RETURN(filter.condition, ParseExpr(&tokens_));
    if (!tokens_.Is("}")) return tokens_.Unexpected("an operator or }");
  }
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  term.node = std::move(filter);
  return term;
}

Result<Term> Parser::ParseAggregate() {
  using Kind = ScalarExpr::Kind;
  struct Word {
    std::string_view text;
    Kind kind;
  };
  constexpr std::array<Word, 5> kWords = {{{"count", Kind::kCount},
                                           {"min", Kind::kMin},
                                           {"max", Kind::kMax},
                                           {"avg", Kind::kAvg},
                                           {"sum", Kind::kSum}}};
  const auto* const word = std::find_if(kWords.begin(), kWords.end(),
                                        [&](const Word& w) { return tokens_.IsWord(w.text); });
  if (word == kWords.end()) {
    return tokens_.Unexpected("{, (, an aggregate such as count(), or a number");
  }
  Term term;
  term.at = token().at;
  ScalarExpr aggregate;
  aggregate.kind = word->kind;
  aggregate.at = term.at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect("("));
  if (aggregate.kind != Kind::kCount) {
    TOCSIN_ASSIGN_OR_RETURN(aggregate.of, ParseExpr(&tokens_));
  }
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect(")"));
  term.node = std::move(aggregate);
  return term;
}

// `> 5 < 10` behind a metrics function or topk(): each keeps some of the points.
Result<Term> Parser::ParsePointFilters(Term series, uint32_t level) {
  while (true) {
    const std::optional<Operator> op = OperatorOf(token());
    if (!op) return series;
    const Token at_op = token();
    const std::optional<Op> kind = OpOf(op->text);
    if (!kind || !IsComparison(*kind)) {
      return tokens_.Unexpected(
          "a comparison, | or ); arithmetic takes metrics queries in parentheses");
    }
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    TOCSIN_ASSIGN_OR_RETURN(Term right, ParseTerm(op->precedence, level + 1));
    if (series.depth >= kMaxDepth) return ParseError(at_op.at, kTooDeep);
    TOCSIN_ASSIGN_OR_RETURN(series, KeepPoints(at_op, std::move(series), std::move(right)));
  }
}

std::optional<MetricsFunction::Kind> Parser::MetricsWord() const {
  for (auto kind = MetricsFunction::Kind::kRate;;
       kind = static_cast<MetricsFunction::Kind>(static_cast<uint8_t>(kind) + 1)) {
    if (tokens_.IsWord(MetricsFunctionName(kind))) return kind;
    if (kind == MetricsFunction::Kind::kCompare) return std::nullopt;
  }
}

// REQUIRES: its word is in view.
Result<MetricsFunction> Parser::ParseMetricsFunction(MetricsFunction::Kind kind) {
  using Kind = MetricsFunction::Kind;
  MetricsFunction function;
  function.kind = kind;
  function.at = token().at;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect("("));
  if (function.kind == Kind::kCompare) {
    TOCSIN_RETURN_IF_ERROR(ParseCompare(&function));
  } else if (function.kind != Kind::kRate && function.kind != Kind::kCountOverTime) {
    TOCSIN_ASSIGN_OR_RETURN(function.field, ParseField(&tokens_, "an attribute or an intrinsic"));
  }
  if (function.kind == Kind::kQuantileOverTime) TOCSIN_RETURN_IF_ERROR(ParseQuantiles(&function));
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect(")"));
  if (function.kind == Kind::kCompare || !tokens_.IsWord("by")) return function;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect("("));
  TOCSIN_ASSIGN_OR_RETURN(function.by, ParseFields("an attribute or an intrinsic"));
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect(")"));
  return function;
}

Status Parser::ParseQuantiles(MetricsFunction* function) {
  if (!tokens_.Is(",")) return tokens_.Unexpected(", and a quantile");
  while (tokens_.Is(",")) {
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    const Literal& literal = token().literal;
    const bool number = token().kind == Token::Kind::kLiteral &&
                        (literal.type == Type::kInt || literal.type == Type::kFloat);
    if (!number) return tokens_.Unexpected("a quantile from 0 to 1");
    if (function->quantiles.size() == kMostQuantiles) {
      return tokens_.Unexpected("at most " + std::to_string(kMostQuantiles) + " quantiles");
    }
    function->quantiles.push_back(literal.type == Type::kInt ? static_cast<double>(literal.integer)
                                                             : literal.number);
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  }
  return {};
}

Status Parser::ParseCompare(MetricsFunction* function) {
  if (!tokens_.Is("{")) return tokens_.Unexpected("{");
  TOCSIN_ASSIGN_OR_RETURN(Term selection, ParseFilter());
  function->selection = std::move(*selection.spanset());
  if (!tokens_.Is(",")) return {};
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_ASSIGN_OR_RETURN(function->top_n, ParseInteger());
  if (!tokens_.Is(",")) return {};
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_ASSIGN_OR_RETURN(function->start, ParseInteger());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect(","));
  TOCSIN_ASSIGN_OR_RETURN(function->end, ParseInteger());
  return {};
}

Result<Term> Parser::ParseTop(Term series) {
  if (series.depth >= kMaxDepth) return ParseError(token().at, kTooDeep);
  SeriesExpr top;
  top.at = token().at;
  if (tokens_.IsWord("topk")) {
    top.kind = SeriesExpr::Kind::kTopK;
  } else if (tokens_.IsWord("bottomk")) {
    top.kind = SeriesExpr::Kind::kBottomK;
  } else {
    return tokens_.Unexpected("topk or bottomk");
  }
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect("("));
  TOCSIN_ASSIGN_OR_RETURN(top.k, ParseInteger());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect(")"));
  top.args.push_back(std::move(*series.series()));
  series.node = std::move(top);
  ++series.depth;
  return series;
}

Result<std::vector<Field>> Parser::ParseFields(std::string_view expected) {
  std::vector<Field> fields;
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(Field field, ParseField(&tokens_, expected));
    fields.push_back(std::move(field));
    if (!tokens_.Is(",")) return fields;
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  }
}

Result<int64_t> Parser::ParseInteger() {
  if (token().kind != Token::Kind::kLiteral || token().literal.type != Type::kInt) {
    return tokens_.Unexpected("a whole number");
  }
  const int64_t value = token().literal.integer;
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  return value;
}

Status Parser::ParseHints(Query* query) {
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  TOCSIN_RETURN_IF_ERROR(tokens_.Expect("("));
  while (true) {
    if (token().kind != Token::Kind::kWord) return tokens_.Unexpected("the name of a hint");
    std::string name(token().text);
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
    TOCSIN_RETURN_IF_ERROR(tokens_.Expect("="));
    TOCSIN_ASSIGN_OR_RETURN(Literal value, ParseHintValue());
    query->hints.emplace_back(std::move(name), std::move(value));
    if (!tokens_.Is(",")) break;
    TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  }
  return tokens_.Expect(")");
}

Result<Literal> Parser::ParseHintValue() {
  const bool negative = tokens_.Is("-");
  if (negative) TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  Literal value = token().literal;
  if (!negative && (tokens_.IsWord("true") || tokens_.IsWord("false"))) {
    value = Literal{};
    value.type = Type::kBool;
    value.integer = token().text == "true" ? 1 : 0;
  } else if (token().kind != Token::Kind::kLiteral || (negative && value.type == Type::kString)) {
    return tokens_.Unexpected("the value of a hint");
  }
  TOCSIN_RETURN_IF_ERROR(tokens_.Advance());
  return negative ? Negated(value) : value;
}

}  // namespace

Result<Query> ParseSyntax(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return ParseError(Position{}, "the query has " + std::to_string(text.size()) +
                                      " bytes, more than the " + std::to_string(options.max_bytes) +
                                      " that are allowed");
  }
  return Parser(text, options.strict).ParseQuery();
}

Result<Query> Parse(std::string_view text, const ParseOptions& options) {
  TOCSIN_ASSIGN_OR_RETURN(Query query, ParseSyntax(text, options));
  TOCSIN_RETURN_IF_ERROR(Validate(&query));
  return query;
}

}  // namespace tocsin::traceql
