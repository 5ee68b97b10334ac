// The lexer knows three states, as Prometheus's does: outside of everything, inside the braces of a
// selector (where keywords are plain names), and inside the brackets of a range (where only
// arithmetic on durations may stand).

#include "cpp/promql/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cpp/base/quote.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

using Kind = TokenKind;

constexpr auto kKeywords = std::to_array<std::pair<std::string_view, Kind>>({
    {"and", Kind::kAnd},
    {"or", Kind::kOr},
    {"unless", Kind::kUnless},
    {"atan2", Kind::kAtan2},
    {"sum", Kind::kSum},
    {"avg", Kind::kAvg},
    {"count", Kind::kCount},
    {"min", Kind::kMin},
    {"max", Kind::kMax},
    {"group", Kind::kGroup},
    {"stddev", Kind::kStddev},
    {"stdvar", Kind::kStdvar},
    {"topk", Kind::kTopk},
    {"bottomk", Kind::kBottomk},
    {"count_values", Kind::kCountValues},
    {"quantile", Kind::kQuantile},
    {"limitk", Kind::kLimitk},
    {"limit_ratio", Kind::kLimitRatio},
    {"offset", Kind::kOffset},
    {"smoothed", Kind::kSmoothed},
    {"anchored", Kind::kAnchored},
    {"by", Kind::kBy},
    {"without", Kind::kWithout},
    {"on", Kind::kOn},
    {"ignoring", Kind::kIgnoring},
    {"group_left", Kind::kGroupLeft},
    {"group_right", Kind::kGroupRight},
    {"fill", Kind::kFill},
    {"fill_left", Kind::kFillLeft},
    {"fill_right", Kind::kFillRight},
    {"bool", Kind::kBool},
    {"start", Kind::kStart},
    {"end", Kind::kEndFunction},
    {"step", Kind::kStep},
    {"range", Kind::kRange},
    {"max_of", Kind::kMaxOf},
    {"min_of", Kind::kMinOf},
    {"inf", Kind::kNumber},
    {"nan", Kind::kNumber},
});

// Longer ones first. kError: the beginning of something that is none.
constexpr auto kOperators = std::to_array<std::pair<std::string_view, Kind>>({
    {"==", Kind::kEqual},        {"!=", Kind::kNotEqual},  {"<=", Kind::kLessEqual},
    {">=", Kind::kGreaterEqual}, {"</", Kind::kTrimUpper}, {">/", Kind::kTrimLower},
    {"=~", Kind::kError},        {"!", Kind::kError},      {"=", Kind::kAssign},
    {"<", Kind::kLess},          {">", Kind::kGreater},    {",", Kind::kComma},
    {"*", Kind::kMul},           {"/", Kind::kDiv},        {"%", Kind::kMod},
    {"+", Kind::kAdd},           {"-", Kind::kSub},        {"^", Kind::kPow},
    {"(", Kind::kLeftParen},     {")", Kind::kRightParen},
});

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphaNumeric(char c) { return IsAlpha(c) || IsDigit(c); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

// kIdentifier if the word is none.
Kind KeywordKind(std::string_view word) {
  const std::string lower = ToLower(word);
  for (const auto& [name, kind] : kKeywords) {
    if (name == lower) return kind;
  }
  return Kind::kIdentifier;
}

bool IsDurationKeyword(Kind kind) {
  return kind == Kind::kStep || kind == Kind::kRange || kind == Kind::kMaxOf ||
         kind == Kind::kMinOf;
}

class Lexer {
 public:
  explicit Lexer(std::string_view query) : query_(query) {}

  std::vector<Token> Run() {
    while (!done_) Next();
    return std::move(tokens_);
  }

 private:
  bool AtEnd() const { return pos_ >= query_.size(); }
  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < query_.size() ? query_[pos_ + ahead] : '\0';
  }
  std::string_view Rest() const { return query_.substr(pos_); }
  std::string CharacterHere() const {
    return AtEnd() ? "end of input" : QuoteFirstCharacter(Rest());
  }

  void Emit(Kind kind) {
    tokens_.push_back(
        {kind, static_cast<uint32_t>(start_), std::string(query_.substr(start_, pos_ - start_))});
  }
  void EmitOne(Kind kind, size_t length = 1) {
    pos_ += length;
    Emit(kind);
  }
  void Fail(std::string message) {
    tokens_.push_back({Kind::kError, static_cast<uint32_t>(start_), std::move(message)});
    done_ = true;
  }

  void Next();
  void NextInBraces();
  void NextInBrackets();
  bool NextOperator();
  void NextEnd();
  void LexWord();
  void LexBracketWord();
  void LexString();
  void LexNumberOrDuration();
  bool ScanNumber();
  bool ScanDigits(bool hexadecimal);
  bool ScanDurationRest();
  bool ParenthesisFollows() const;

  std::string_view query_;
  std::vector<Token> tokens_;
  size_t pos_ = 0;
  size_t start_ = 0;
  int depth_ = 0;  // Of parentheses.
  bool in_braces_ = false;
  bool in_brackets_ = false;
  bool got_duration_ = false;  // Inside of brackets, before this.
  bool got_colon_ = false;
  bool done_ = false;
};

void Lexer::Next() {
  while (!AtEnd() && (IsSpace(Peek()) || Peek() == '#')) {
    if (Peek() == '#') {
      while (!AtEnd() && Peek() != '\n' && Peek() != '\r') ++pos_;
    } else {
      ++pos_;
    }
  }
  start_ = pos_;
  if (in_braces_) return NextInBraces();
  if (AtEnd()) return NextEnd();
  if (in_brackets_) return NextInBrackets();
  const char c = Peek();
  if (NextOperator()) return;
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return LexNumberOrDuration();
  if (c == '"' || c == '\'' || c == '`') return LexString();
  if (IsAlpha(c) || c == ':') return LexWord();
  switch (c) {
    case '{':
      in_braces_ = true;
      return EmitOne(Kind::kLeftBrace);
    case '[':
      in_brackets_ = true;
      got_duration_ = got_colon_ = false;
      return EmitOne(Kind::kLeftBracket);
    case ']':
      return Fail("unexpected right bracket ']'");
    case '@':
      return EmitOne(Kind::kAt);
    default:
      return Fail("unexpected character: " + QuoteFirstCharacter(Rest()));
  }
}

void Lexer::NextEnd() {
  done_ = true;
  if (in_brackets_ && !got_duration_) {
    return Fail("unexpected end of input in duration expression");
  }
  if (depth_ != 0) return Fail("unclosed left parenthesis");
  if (in_brackets_) return Fail("unclosed left bracket");
  Emit(Kind::kEnd);
}

// What is the same inside of brackets and outside: arithmetic, parentheses, commas, comparisons.
bool Lexer::NextOperator() {
  const auto* const found = std::ranges::find_if(
      kOperators, [rest = Rest()](const auto& entry) { return rest.starts_with(entry.first); });
  if (found == kOperators.end()) return false;
  if (found->second == Kind::kError) {
    const char first = Peek();
    ++pos_;
    Fail(std::string("unexpected character after '") + first + "': " + CharacterHere());
    return true;
  }
  if (found->second == Kind::kLeftParen) ++depth_;
  if (found->second == Kind::kRightParen && --depth_ < 0) {
    Fail("unexpected right parenthesis ')'");
    return true;
  }
  EmitOne(found->second, found->first.size());
  return true;
}

void Lexer::NextInBraces() {
  if (AtEnd()) return Fail("unexpected end of input inside braces");
  const char c = Peek();
  if (IsAlpha(c)) {
    while (IsAlphaNumeric(Peek())) ++pos_;
    return Emit(Kind::kIdentifier);
  }
  switch (c) {
    case ',':
      return EmitOne(Kind::kComma);
    case '"':
    case '\'':
    case '`':
      return LexString();
    case '=':
      return Peek(1) == '~' ? EmitOne(Kind::kRegex, 2) : EmitOne(Kind::kAssign);
    case '!':
      if (Peek(1) == '~') return EmitOne(Kind::kNotRegex, 2);
      if (Peek(1) == '=') return EmitOne(Kind::kNotEqual, 2);
      ++pos_;
      return Fail("unexpected character after '!' inside braces: " + CharacterHere());
    case '{':
      return Fail("unexpected left brace '{'");
    case '}':
      in_braces_ = false;
      return EmitOne(Kind::kRightBrace);
    default:
      return Fail("unexpected character inside braces: " + QuoteFirstCharacter(Rest()));
  }
}

void Lexer::NextInBrackets() {
  const char c = Peek();
  if (c == ']') {
    in_brackets_ = false;
    return EmitOne(Kind::kRightBracket);
  }
  if (c == ':') {
    if (!got_duration_) {
      return Fail("unexpected colon before duration in duration expression");
    }
    if (std::exchange(got_colon_, true)) return Fail("unexpected colon ':'");
    return EmitOne(Kind::kColon);
  }
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
    got_duration_ = true;
    return LexNumberOrDuration();
  }
  if (IsAlpha(c)) return LexBracketWord();
  if (std::string_view("+-*/%^(),").find(c) != std::string_view::npos) {
    NextOperator();
    return;
  }
  Fail("unexpected character in duration expression: " + QuoteFirstCharacter(Rest()));
}

void Lexer::LexBracketWord() {
  const size_t begin = pos_;
  while (IsAlpha(Peek())) ++pos_;
  const Kind kind = KeywordKind(query_.substr(begin, pos_ - begin));
  if (IsDurationKeyword(kind)) {
    got_duration_ = true;
    return Emit(kind);
  }
  pos_ = begin;
  Fail("unexpected character in duration expression: " + QuoteFirstCharacter(Rest()));
}

void Lexer::LexWord() {
  while (IsAlphaNumeric(Peek()) || Peek() == ':') ++pos_;
  const std::string_view word = query_.substr(start_, pos_ - start_);
  Kind kind = KeywordKind(word);
  const bool fill = kind == Kind::kFill || kind == Kind::kFillLeft || kind == Kind::kFillRight;
  // These came late to the language: they are keywords only where they can be nothing else.
  if (fill && !ParenthesisFollows()) kind = Kind::kIdentifier;
  if (kind == Kind::kIdentifier && word.find(':') != std::string_view::npos) {
    kind = Kind::kMetricIdentifier;
  }
  Emit(kind);
}

bool Lexer::ParenthesisFollows() const {
  const size_t at = query_.find_first_not_of(" \t\n\r", pos_);
  return at != std::string_view::npos && query_[at] == '(';
}

void Lexer::LexString() {
  const char quote = Peek();
  ++pos_;
  while (!AtEnd()) {
    const char c = Peek();
    if (c == quote) {
      EmitOne(Kind::kString);
      if (Result<std::string> value = UnquoteGo(tokens_.back().text); !value.has_value()) {
        tokens_.pop_back();
        Fail(std::string(value.error().message()));
      }
      return;
    }
    if (quote != '`' && c == '\n') break;
    if (quote != '`' && c == '\\') {
      ++pos_;
      if (AtEnd()) return Fail("escape sequence not terminated");
    }
    const size_t length = Utf8Length(Rest());
    if (length == 0) return Fail("invalid UTF-8 rune");
    pos_ += length;
  }
  Fail(quote == '`' ? "unterminated raw string" : "unterminated quoted string");
}

void Lexer::LexNumberOrDuration() {
  if (ScanNumber()) return Emit(Kind::kNumber);
  if (ScanDurationRest()) return Emit(Kind::kDuration);
  if (!AtEnd()) ++pos_;
  Fail("bad number or duration syntax: " + QuoteGo(query_.substr(start_, pos_ - start_)));
}

// Digits with single underscores between them. False if an underscore stands where it may not.
bool Lexer::ScanDigits(bool hexadecimal) {
  const auto is_digit = [hexadecimal](char c) {
    return IsDigit(c) || (hexadecimal && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
  };
  while (is_digit(Peek()) || Peek() == '_') {
    if (Peek() == '_' && !is_digit(Peek(1))) return false;
    ++pos_;
  }
  return true;
}

// Leaves the position behind what could be a number. True if that is one and nothing that belongs
// to a word or a unit follows.
bool Lexer::ScanNumber() {
  if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X')) {
    pos_ += 2;
    const size_t digits = pos_;
    return ScanDigits(true) && pos_ > digits && !IsAlphaNumeric(Peek()) && Peek() != '.';
  }
  if (!ScanDigits(false)) return false;
  if (Peek() == '.') {
    ++pos_;
    if (Peek() == '_' || Peek() == '.' || !ScanDigits(false)) return false;
  }
  if (Peek() == 'e' || Peek() == 'E') {
    const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 1 : 0;
    pos_ += 1 + sign;
    if (!IsDigit(Peek()) || !ScanDigits(false)) return false;
  }
  return !IsAlphaNumeric(Peek()) && Peek() != '.';
}

// Behind the first digits of a duration: its unit, and more digits with units. Whether the units
// are in order is seen when the duration is parsed.
bool Lexer::ScanDurationRest() {
  const auto take_unit = [this](std::string_view first_letters) {
    if (first_letters.find(Peek()) == std::string_view::npos || AtEnd()) return false;
    ++pos_;
    if (Peek() == 's') ++pos_;
    return true;
  };
  if (!take_unit("smhdwy")) return false;
  while (IsDigit(Peek())) {
    while (IsDigit(Peek())) ++pos_;
    if (!take_unit("smhdw")) return false;
  }
  return !IsAlphaNumeric(Peek());
}

}  // namespace

bool IsOperator(TokenKind kind) { return kind >= Kind::kAdd && kind <= Kind::kUnless; }

bool IsAggregator(TokenKind kind) { return kind >= Kind::kSum && kind <= Kind::kLimitRatio; }

bool IsFillKeyword(TokenKind kind) {
  return kind == TokenKind::kFill || kind == TokenKind::kFillLeft || kind == TokenKind::kFillRight;
}

std::string Token::Description() const {
  if (kind == Kind::kEnd) return "end of input";
  if (kind == Kind::kError) return text;
  if (IsOperator(kind) || kind == Kind::kAssign || kind == Kind::kRegex ||
      kind == Kind::kNotRegex) {
    return "<op:" + text + ">";
  }
  if (IsAggregator(kind)) return "<aggr:" + text + ">";
  if (kind >= Kind::kOffset) return "<" + text + ">";
  std::string quoted = text.size() > 10 ? QuoteGo(text.substr(0, 10)) + "..." : QuoteGo(text);
  switch (kind) {
    case Kind::kIdentifier:
      return "identifier " + QuoteGo(text);
    case Kind::kMetricIdentifier:
      return "metric identifier " + QuoteGo(text);
    case Kind::kString:
      return "string " + quoted;
    case Kind::kNumber:
      return "number " + quoted;
    case Kind::kDuration:
      return "duration " + quoted;
    default:
      return quoted;
  }
}

std::vector<Token> Tokenize(std::string_view query) { return Lexer(query).Run(); }

}  // namespace tocsin::promql
