#include "cpp/promql/selector_parser.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "cpp/base/quote.h"
#include "cpp/promql/duration_parser.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {

using Kind = TokenKind;

bool CanNameMetric(Kind kind) {
  switch (kind) {
    case Kind::kIdentifier:
    case Kind::kMetricIdentifier:
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kUnless:
    case Kind::kOffset:
    case Kind::kAnchored:
    case Kind::kSmoothed:
    case Kind::kBy:
    case Kind::kWithout:
      return true;
    default:
      return IsAggregator(kind) || IsFillKeyword(kind) || kind >= Kind::kStart;
  }
}

namespace {

bool CanNameLabel(Kind kind) {
  return CanNameMetric(kind) || kind >= Kind::kOffset || kind == Kind::kAtan2;
}

}  // namespace

Result<std::vector<std::string>> SelectorParser::ParseLabelList() {
  if (!tokens_->TakeIf(Kind::kLeftParen)) return tokens_->Unexpected("grouping opts", "\"(\"");
  std::vector<std::string> labels;
  if (tokens_->TakeIf(Kind::kRightParen)) return labels;
  while (true) {
    const Token& token = tokens_->Peek();
    if (!CanNameLabel(token.kind) && token.kind != Kind::kString) {
      return tokens_->Unexpected("grouping opts", "label");
    }
    std::string name = token.text;
    if (token.kind == Kind::kString) {
      TOCSIN_ASSIGN_OR_RETURN(name, UnquoteGo(token.text));
    }
    if (!IsValidLabelName(name)) {
      return tokens_->Error({token.position, token.end()},
                            "invalid label name for grouping: " + QuoteGo(name));
    }
    labels.push_back(std::move(name));
    tokens_->Take();
    const bool comma = tokens_->TakeIf(Kind::kComma);
    if (tokens_->TakeIf(Kind::kRightParen)) return labels;
    if (!comma) return tokens_->Unexpected("grouping opts", R"x("," or ")")x");
  }
}

Result<VectorSelector> SelectorParser::ParseVectorSelector() {
  VectorSelector selector;
  if (tokens_->PeekKind() != Kind::kLeftBrace) selector.name = tokens_->Take().text;
  if (tokens_->PeekKind() == Kind::kLeftBrace) {
    TOCSIN_RETURN_IF_ERROR(ParseMatchers(&selector.matchers));
  }
  if (!selector.name.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(Matcher matcher,
                            Matcher::Make(Matcher::Op::kEqual, kMetricName, selector.name));
    selector.matchers.push_back(std::move(matcher));
  }
  return selector;
}

// An error inside of the literal is shown where it stands in the query.
Status SelectorParser::CheckTraceQuery(const Token& literal, const std::string& query) const {
  if (options_.check_traces == nullptr) return Status();
  const std::optional<TraceQueryError> error = options_.check_traces(query);
  if (!error) return Status();
  const size_t inside = ByteOffset(query, error->line, error->column);
  const uint32_t place =
      literal.position + static_cast<uint32_t>(LiteralOffset(literal.text, inside));
  return tokens_->Error({place, literal.end()}, "in traceql(): " + error->message);
}

Result<TraceqlSelector> SelectorParser::ParseTraceql() {
  tokens_->Take();  // The name.
  tokens_->Take();  // The parenthesis.
  if (tokens_->PeekKind() != Kind::kString) return tokens_->Unexpected("traceql()", "string");
  const Token literal = tokens_->Take();
  TraceqlSelector selector;
  TOCSIN_ASSIGN_OR_RETURN(selector.query, UnquoteGo(literal.text));
  TOCSIN_RETURN_IF_ERROR(CheckTraceQuery(literal, selector.query));
  if (tokens_->TakeIf(Kind::kComma)) {
    DurationParser durations(tokens_, options_.duration_expressions);
    if (!durations.CanStart()) {
      return tokens_->Unexpected("traceql()", "number, duration, step(), or range()");
    }
    TOCSIN_ASSIGN_OR_RETURN(selector.window, durations.ParsePositive());
  }
  if (!tokens_->TakeIf(Kind::kRightParen)) return tokens_->Unexpected("traceql()", R"x(")")x");
  return selector;
}

Status SelectorParser::ParseMatchers(std::vector<Matcher>* matchers) {
  tokens_->Take();  // The brace.
  if (tokens_->TakeIf(Kind::kRightBrace)) return Status();
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(Matcher matcher, ParseMatcher());
    matchers->push_back(std::move(matcher));
    const bool comma = tokens_->TakeIf(Kind::kComma);
    if (tokens_->TakeIf(Kind::kRightBrace)) return Status();
    if (!comma) return tokens_->Unexpected("label matching", R"("," or "}")");
  }
}

Result<Matcher> SelectorParser::ParseMatcher() {
  if (tokens_->PeekKind() != Kind::kIdentifier && tokens_->PeekKind() != Kind::kString) {
    return tokens_->Unexpected("label matching", R"(identifier or "}")");
  }
  const Token label = tokens_->Take();
  std::string name = label.text;
  if (label.kind == Kind::kString) {
    TOCSIN_ASSIGN_OR_RETURN(name, UnquoteGo(label.text));
  }
  Matcher::Op op = Matcher::Op::kEqual;
  switch (tokens_->PeekKind()) {
    case Kind::kAssign:
      break;
    case Kind::kNotEqual:
      op = Matcher::Op::kNotEqual;
      break;
    case Kind::kRegex:
      op = Matcher::Op::kRegex;
      break;
    case Kind::kNotRegex:
      op = Matcher::Op::kNotRegex;
      break;
    default:
      // A quoted string alone is the name of the metric.
      if (label.kind == Kind::kString) return Matcher::Make(op, kMetricName, name);
      return tokens_->Unexpected("label matching", "label matching operator");
  }
  tokens_->Take();
  if (tokens_->PeekKind() != Kind::kString) return tokens_->Unexpected("label matching", "string");
  const Token literal = tokens_->Take();
  TOCSIN_ASSIGN_OR_RETURN(const std::string value, UnquoteGo(literal.text));
  Result<Matcher> matcher = Matcher::Make(op, name, value);
  if (!matcher.has_value()) {
    return tokens_->Error({label.position, literal.end()}, matcher.error().message());
  }
  return matcher;
}

}  // namespace tocsin::promql
