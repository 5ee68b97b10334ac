#include "cpp/traceql/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "cpp/traceql/words.h"

namespace tocsin::traceql {
namespace {

// The longest first, where one begins with another.
constexpr std::array<std::string_view, 36> kSymbols = {
    "!>>", "!<<", "&>>", "&<<", "&&", "||", "!=", "!~", "!>", "!<", "&>", "&<",
    "&~",  ">>",  "<<",  ">=",  "<=", "=~", "==", "{",  "}",  "(",  ")",  ",",
    "=",   "<",   ">",   "~",   "!",  "+",  "-",  "*",  "/",  "%",  "^",  "|"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// Any character beyond ASCII counts as a letter, except white space, which is looked for first.
bool IsWordStart(char c) {
  return IsAsciiLetter(c) || c == '_' || (static_cast<uint8_t>(c) & 0x80U) != 0;
}
bool IsWordChar(char c) { return IsWordStart(c) || IsDigit(c); }

struct Unit {
  std::string_view name;
  int64_t nanos;
};
constexpr int64_t kHourNanos = 3'600'000'000'000;
constexpr int64_t kDayNanos = 24 * kHourNanos;
constexpr std::array<Unit, 11> kUnits = {{{"ns", 1},
                                          {"us", 1'000},
                                          {"\u00b5s", 1'000},  // The micro sign
                                          {"\u03bcs", 1'000},  // and the Greek letter.
                                          {"ms", 1'000'000},
                                          {"s", 1'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"h", kHourNanos},
                                          {"d", kDayNanos},
                                          {"w", 7 * kDayNanos},
                                          {"y", 365 * kDayNanos}}};

size_t DigitsAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsDigit(text[end])) ++end;
  return end - at;
}

// Takes one "1.5h" off the front; nullopt for bad syntax or overflow.
std::optional<int64_t> TakeDurationPart(std::string_view* text) {
  const size_t whole_digits = DigitsAt(*text, 0);
  size_t end = whole_digits;
  double fraction = 0;
  if (end < text->size() && (*text)[end] == '.') {
    const size_t places = DigitsAt(*text, end + 1);
    if (places + whole_digits == 0) return std::nullopt;
    const std::string padded = "0." + std::string(text->substr(end + 1, places)) + "0";
    std::from_chars(padded.data(), padded.data() + padded.size(), fraction);
    end += 1 + places;
  } else if (whole_digits == 0) {
    return std::nullopt;
  }
  int64_t whole = 0;
  const std::string_view digits = text->substr(0, whole_digits);
  if (whole_digits > 0 &&
      std::from_chars(digits.data(), digits.data() + digits.size(), whole).ec != std::errc()) {
    return std::nullopt;
  }
  text->remove_prefix(end);
  size_t unit_end = 0;
  while (unit_end < text->size() && !IsDigit((*text)[unit_end]) && (*text)[unit_end] != '.') {
    ++unit_end;
  }
  const auto* const unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) {
    return u.name == text->substr(0, unit_end);
  });
  if (unit == kUnits.end()) return std::nullopt;
  text->remove_prefix(unit_end);
  int64_t nanos = 0;
  if (__builtin_mul_overflow(whole, unit->nanos, &nanos) ||
      __builtin_add_overflow(nanos, std::llround(fraction * static_cast<double>(unit->nanos)),
                             &nanos)) {
    return std::nullopt;
  }
  return nanos;
}

void AppendUtf8(uint32_t rune, std::string* out) {
  if (rune < 0x80) {
    out->push_back(static_cast<char>(rune));
  } else if (rune < 0x800) {
    out->push_back(static_cast<char>(0xc0U | (rune >> 6)));
    out->push_back(static_cast<char>(0x80U | (rune & 0x3f)));
  } else if (rune < 0x10000) {
    out->push_back(static_cast<char>(0xe0U | (rune >> 12)));
    out->push_back(static_cast<char>(0x80U | ((rune >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80U | (rune & 0x3f)));
  } else {
    out->push_back(static_cast<char>(0xf0U | (rune >> 18)));
    out->push_back(static_cast<char>(0x80U | ((rune >> 12) & 0x3f)));
    out->push_back(static_cast<char>(0x80U | ((rune >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80U | (rune & 0x3f)));
  }
}

}  // namespace

Failure ParseError(const Position& at, std::string_view message) {
  std::string text = "parse error at line " + std::to_string(at.line);
  text.append(", col ").append(std::to_string(at.column)).append(": ").append(message);
  return InvalidArgumentError(text);
}

void Lexer::Step(size_t bytes) {
  for (const size_t end = offset_ + bytes; offset_ < end; ++offset_) {
    if (text_[offset_] == '\n') {
      ++at_.line;
      at_.column = 1;
    } else if ((static_cast<uint8_t>(text_[offset_]) & 0xc0U) != 0x80U) {
      ++at_.column;
    }
  }
}

Status Lexer::SkipSpace() {
  while (offset_ < text_.size()) {
    if (const size_t space = SpaceLength(text_, offset_); space > 0) {
      Step(space);
    } else if (Peek() == '#' || (Peek() == '/' && Peek(1) == '/')) {
      Step(std::min(text_.find('\n', offset_), text_.size()) - offset_);
    } else if (Peek() == '/' && Peek(1) == '*') {
      const size_t end = text_.find("*/", offset_ + 2);
      if (end == std::string_view::npos) return ParseError(at_, "comment is not closed with */");
      Step(end + 2 - offset_);
    } else {
      break;
    }
  }
  return {};
}

Result<Token> Lexer::Next() {
  TOCSIN_RETURN_IF_ERROR(SkipSpace());
  if (offset_ == text_.size()) return Start(Token::Kind::kEnd);
  const char c = Peek();
  if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return ReadNumber();
  if (c == '"') return ReadString();
  if (c == '`') return ReadRawString();
  if (c == '.') {
    return ReadAttribute("");
  }
  if (IsWordStart(c)) return ReadName();
  return ReadSymbol();
}

Result<Token> Lexer::ReadSymbol() {
  Token token = Start(Token::Kind::kSymbol);
  for (const std::string_view symbol : kSymbols) {
    if (!text_.substr(offset_).starts_with(symbol)) continue;
    if (symbol == "==") return ParseError(at_, "unexpected ==; equality is written =");
    token.text = symbol;
    Step(symbol.size());
    return token;
  }
  std::string message = "unexpected character ";
  message.append(text_.substr(offset_, CharLength(text_, offset_)));
  if (Peek() == '\'') message.append("; strings are written in \" or `");
  if (Peek() == '&') message.append("; the operator is &&");
  return ParseError(at_, message);
}

Result<Token> Lexer::ReadNumber() {
  size_t length = DigitsAt(text_, offset_);
  bool is_float = false;
  if (Peek(length) == '.') {
    is_float = true;
    length += 1 + DigitsAt(text_, offset_ + length + 1);
  }
  if (Peek(length) == 'e' || Peek(length) == 'E') {
    const size_t sign = Peek(length + 1) == '+' || Peek(length + 1) == '-' ? 1 : 0;
    const size_t digits = DigitsAt(text_, offset_ + length + 1 + sign);
    if (digits > 0) {
      is_float = true;
      length += 1 + sign + digits;
    }
  }
  size_t end = length;
  while (IsWordChar(Peek(end)) || Peek(end) == '.') {
    if (SpaceLength(text_, offset_ + end) > 0) break;
    ++end;
  }
  if (end > length) return ReadDuration(end);

  Token token = Start(Token::Kind::kLiteral);
  token.text = text_.substr(offset_, length);
  const char* const first = token.text.data();
  std::errc error{};
  if (is_float) {
    token.literal.type = Type::kFloat;
    // from_chars wants a digit before the point.
    const std::string digits = "0" + std::string(token.text);
    error = std::from_chars(digits.data(), digits.data() + digits.size(), token.literal.number).ec;
  } else {
    token.literal.type = Type::kInt;
    error = std::from_chars(first, first + length, token.literal.integer).ec;
  }
  if (error != std::errc()) {
    return ParseError(at_, "the number " + std::string(token.text) + " is out of range");
  }
  Step(length);
  return token;
}

Result<Token> Lexer::ReadDuration(size_t length) {
  Token token = Start(Token::Kind::kLiteral);
  token.text = text_.substr(offset_, length);
  token.literal.type = Type::kDuration;
  std::string_view rest = token.text;
  while (!rest.empty()) {
    const std::optional<int64_t> part = TakeDurationPart(&rest);
    if (!part || __builtin_add_overflow(token.literal.integer, *part, &token.literal.integer)) {
      return ParseError(at_, std::string(token.text) +
                                 " is no number and no duration such as 1h30m, 1.5s or 200ms");
    }
  }
  Step(length);
  return token;
}

Result<Token> Lexer::ReadString() {
  Token token = Start(Token::Kind::kLiteral);
  token.literal.type = Type::kString;
  const size_t begin = offset_;
  Step(1);
  while (Peek() != '"') {
    if (offset_ == text_.size() || Peek() == '\n') {
      return ParseError(token.at, "string is not closed with \"");
    }
    if (Peek() == '\\') {
      TOCSIN_RETURN_IF_ERROR(ReadEscape(&token.literal.text));
    } else {
      token.literal.text.push_back(Peek());
      Step(1);
    }
  }
  Step(1);
  token.text = Since(begin);
  return token;
}

Result<Token> Lexer::ReadRawString() {
  Token token = Start(Token::Kind::kLiteral);
  token.literal.type = Type::kString;
  const size_t end = text_.find('`', offset_ + 1);
  if (end == std::string_view::npos) return ParseError(at_, "string is not closed with `");
  token.text = text_.substr(offset_, end + 1 - offset_);
  token.literal.text = token.text.substr(1, token.text.size() - 2);
  Step(token.text.size());
  return token;
}

// The escapes of Go: \n and its like, \x41, \101, \u00e9, \U0001f600.
Status Lexer::ReadEscape(std::string* out) {
  constexpr std::string_view kNames = "abfnrtv\\\"'";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"'";
  const Position at = at_;
  const char kind = Peek(1);
  if (const size_t index = kNames.find(kind); kind != '\0' && index != std::string_view::npos) {
    out->push_back(kValues[index]);
    Step(2);
    return {};
  }
  const bool octal = kind >= '0' && kind <= '7';
  const size_t digits = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
  const size_t skip = octal ? 1 : 2;
  uint32_t value = 0;
  const std::string_view number = text_.substr(std::min(offset_ + skip, text_.size()), digits);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), value, octal ? 8 : 16);
  const bool is_byte = kind != 'u' && kind != 'U';
  const uint32_t limit = is_byte ? 0xff : 0x10ffff;
  if (digits == 0 || error != std::errc() || end != number.data() + digits || value > limit ||
      (!is_byte && value >= 0xd800 && value < 0xe000)) {
    return ParseError(at, "unknown escape in a string; write \\\\ for a backslash, or use `raw`");
  }
  if (is_byte) {
    out->push_back(static_cast<char>(value));
  } else {
    AppendUtf8(value, out);
  }
  Step(skip + digits);
  return {};
}

// How far a bare word goes. With loose names dots join its parts, and so does a hyphen where it
// cannot be meant as a minus: between two letters, and not behind an intrinsic (`duration-x`).
size_t Lexer::BareWordLength() const {
  size_t length = 0;
  const auto word_char_at = [&](size_t at) {
    return offset_ + at < text_.size() && IsWordChar(Peek(at)) &&
           SpaceLength(text_, offset_ + at) == 0;
  };
  while (true) {
    while (word_char_at(length)) ++length;
    if (strict_) return length;
    const char joint = Peek(length);
    const bool dot = joint == '.' && word_char_at(length + 1);
    const bool hyphen = joint == '-' && word_char_at(length + 1) && !IsDigit(Peek(length + 1)) &&
                        FindIntrinsic(text_.substr(offset_, length)) == Intrinsic::kNone;
    if (!dot && !hyphen) return length;
    ++length;
  }
}

Result<Token> Lexer::ReadName() {
  size_t first = 0;
  while (offset_ + first < text_.size() && IsWordChar(Peek(first)) &&
         SpaceLength(text_, offset_ + first) == 0) {
    ++first;
  }
  const std::string_view head = text_.substr(offset_, first);
  const bool is_scope = FindScope(head) != Scope::kAny;
  if (Peek(first) == ':' && (is_scope || head == "trace")) return ReadScopedIntrinsic(head);
  if (Peek(first) == '.' && (is_scope || head == "parent")) return ReadAttribute(head);
  Token token = Start(Token::Kind::kWord);
  token.text = text_.substr(offset_, BareWordLength());
  Step(token.text.size());
  return token;
}

Result<Token> Lexer::ReadScopedIntrinsic(std::string_view scope) {
  Token token = Start(Token::Kind::kField);
  size_t length = scope.size() + 1;
  while (IsWordChar(Peek(length))) ++length;
  const std::string_view scoped =
      text_.substr(offset_ + scope.size() + 1, length - scope.size() - 1);
  token.text = text_.substr(offset_, length);
  token.field.intrinsic = FindIntrinsic(scope, scoped);
  if (token.field.intrinsic == Intrinsic::kNone) {
    return ParseError(at_, "unknown intrinsic " + std::string(token.text));
  }
  Step(length);
  return token;
}

// Behind `scope` ("" or a scope or "parent") and its dot: a name, or for a parent also a scope and
// a name, or an intrinsic.
Result<Token> Lexer::ReadAttribute(std::string_view scope) {
  Token token = Start(Token::Kind::kField);
  const size_t begin = offset_;
  Step(scope.size() + 1);
  token.field.scope = FindScope(scope);
  token.field.of_parent = scope == "parent";
  if (token.field.of_parent) {
    const std::string_view rest = text_.substr(offset_);
    const size_t dot = rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz");
    if (dot != std::string_view::npos && rest[dot] == '.') {
      token.field.scope = FindScope(rest.substr(0, dot));
      if (token.field.scope != Scope::kAny) Step(dot + 1);
    }
  }
  TOCSIN_ASSIGN_OR_RETURN(AttributeName name, ReadAttributeName());
  token.text = Since(begin);
  if (name.name.empty()) {
    return ParseError(token.at, "an attribute name must follow " + std::string(token.text));
  }
  if (token.field.of_parent && token.field.scope == Scope::kAny && !name.quoted) {
    token.field.intrinsic = FindIntrinsic(name.name);
    if (token.field.intrinsic != Intrinsic::kNone) return token;
  }
  token.field.name = std::move(name.name);
  return token;
}

// Any characters but white space and operators; between quotes any at all.
Result<Lexer::AttributeName> Lexer::ReadAttributeName() {
  AttributeName name;
  bool in_quotes = false;
  Position quote_at;
  while (offset_ < text_.size()) {
    if (Peek() == '"') {
      in_quotes = !in_quotes;
      name.quoted = true;
      quote_at = at_;
      Step(1);
    } else if (in_quotes && Peek() == '\\') {
      if (Peek(1) != '"' && Peek(1) != '\\') {
        return ParseError(at_, "in a quoted name only \\\" and \\\\ are escapes");
      }
      name.name.push_back(Peek(1));
      Step(2);
    } else {
      const size_t length =
          in_quotes ? CharLength(text_, offset_) : AttributeCharLength(text_, offset_);
      if (length == 0) break;
      name.name.append(text_, offset_, length);
      Step(length);
    }
  }
  if (in_quotes) return ParseError(quote_at, "quoted name is not closed with \"");
  return name;
}

}  // namespace tocsin::traceql
