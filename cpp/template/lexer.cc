#include "cpp/template/lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "cpp/base/format.h"
#include "cpp/base/hex.h"
#include "cpp/base/utf8.h"
#include "cpp/template/ast.h"

namespace tocsin::tmpl::internal {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
/// Letters beyond ASCII are let through whole: a name of them is then simply not defined.
bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

/// Underscores stand between digits, or between the mark of a base and a digit.
bool UnderscoresStandRight(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const char mark = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const bool marked = mark == 'x' || mark == 'b' || mark == 'o';
  const auto is_digit = [&](size_t at) {
    return at < text.size() && (mark == 'x' ? HexDigit(text[at]) >= 0 : IsDigit(text[at]));
  };
  for (size_t i = text.find('_'); i != std::string_view::npos; i = text.find('_', i + 1)) {
    const bool after = i > 0 && (is_digit(i - 1) || (marked && i == 2));
    if (!after || !is_digit(i + 1)) return false;
  }
  return true;
}

/// The integer that Go reads: decimal, 0x, 0o, 0b and the old octal 017, with an optional sign. Nil
/// for one that only uint64 holds.
std::optional<Value> ParseInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : (mark == 'b' ? 2 : 8);
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  uint64_t magnitude = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (magnitude > kMax + (negative ? 1 : 0)) {
    return negative ? std::nullopt : std::optional<Value>(Value());
  }
  return Value(static_cast<int64_t>(negative ? -magnitude : magnitude));
}

}  // namespace

std::string PositionOf(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
  return "line " + std::to_string(std::ranges::count(before, '\n') + 1) + ", column " +
         std::to_string(before.size() - line_start + 1);
}

std::string Describe(const Token& token) {
  using Kind = Token::Kind;
  switch (token.kind) {
    case Kind::kEnd:
      return "end of action";
    case Kind::kDot:
      return "\".\"";
    case Kind::kField:
      return "\"." + token.text + "\"";
    case Kind::kOpen:
      return "\"(\"";
    case Kind::kClose:
      return "\")\"";
    case Kind::kPipe:
      return "\"|\"";
    case Kind::kComma:
      return "\",\"";
    case Kind::kDeclare:
      return "\":=\"";
    case Kind::kAssign:
      return "\"=\"";
    default:
      return token.text;
  }
}

Failure Lexer::ErrorAt(size_t offset, std::string_view message) const {
  return InvalidArgumentError(PositionOf(text_, offset) + ": " + std::string(message));
}

bool Lexer::EndsWord() const {
  const std::string_view rest = text_.substr(offset_);
  if (rest.empty() || rest.starts_with("}}")) return true;
  return IsSpace(rest[0]) || std::string_view(".,|:()=").find(rest[0]) != std::string_view::npos;
}

Result<Token> Lexer::Next() {
  Token token;
  const size_t start = offset_;
  while (offset_ < text_.size() && IsSpace(text_[offset_])) ++offset_;
  token.after_space = offset_ > start;
  token.offset = offset_;
  const std::string_view rest = text_.substr(offset_);
  if (rest.empty()) return ErrorAt(token.offset, "unclosed action");
  const auto simple = [&](Token::Kind kind, size_t length) {
    token.kind = kind;
    offset_ += length;
    return token;
  };
  if (rest.starts_with("}}")) return simple(Token::Kind::kEnd, 2);
  if (token.after_space && rest.starts_with("-}}")) {
    token.trims = true;
    return simple(Token::Kind::kEnd, 3);
  }
  if (rest.starts_with(":=")) return simple(Token::Kind::kDeclare, 2);
  switch (rest[0]) {
    case '=':
      return simple(Token::Kind::kAssign, 1);
    case '|':
      return simple(Token::Kind::kPipe, 1);
    case ',':
      return simple(Token::Kind::kComma, 1);
    case '(':
      return simple(Token::Kind::kOpen, 1);
    case ')':
      return simple(Token::Kind::kClose, 1);
    default:
      return Word(std::move(token));
  }
}

Result<Token> Lexer::Word(Token token) {
  const std::string_view rest = text_.substr(offset_);
  const char next = rest.size() > 1 ? rest[1] : '\0';
  if (rest[0] == '"' || rest[0] == '\'') return Quoted(std::move(token));
  if (rest[0] == '`') return RawString(std::move(token));
  if (IsDigit(rest[0]) || rest[0] == '+' || rest[0] == '-' || (rest[0] == '.' && IsDigit(next))) {
    return Number(std::move(token));
  }
  if (rest[0] == '.') {
    if (IsWordByte(next)) {
      token.kind = Token::Kind::kField;
      return Name(std::move(token), 1);
    }
    ++offset_;
    token.kind = Token::Kind::kDot;
    if (!EndsWord()) return ErrorAt(token.offset, "unexpected character after .");
    return token;
  }
  if (rest[0] == '$') {
    token.kind = Token::Kind::kVariable;
    return Name(std::move(token), 0);
  }
  uint32_t rune = 0;
  const bool is_text = DecodeRune(rest, &rune) != 0;
  if (!is_text || !IsWordByte(rest[0]) || rune == 0xa0 || rune == 0xfeff) {
    std::string seen;
    AppendRune(&seen, is_text ? static_cast<int64_t>(rune) : 0xfffd);
    return ErrorAt(token.offset, "unrecognized character in action: '" + seen + "'");
  }
  token.kind = Token::Kind::kIdentifier;
  TOCSIN_ASSIGN_OR_RETURN(token, Name(std::move(token), 0));
  if (token.text == "true" || token.text == "false") {
    token.kind = Token::Kind::kConstant;
    token.value = Value(token.text == "true");
  }
  return token;
}

Result<Token> Lexer::Name(Token token, size_t skip) {
  const size_t first = offset_ + skip;
  size_t end = first + (text_[first] == '$' ? 1 : 0);
  while (end < text_.size() && IsWordByte(text_[end])) ++end;
  token.text = text_.substr(first, end - first);
  offset_ = end;
  if (!EndsWord()) {
    return ErrorAt(end, "bad character '" + std::string(1, text_[end]) + "' after " + token.text);
  }
  return token;
}

Result<Token> Lexer::Number(Token token) {
  size_t end = offset_;
  if (text_[end] == '+' || text_[end] == '-') ++end;
  const bool hex = text_.substr(end).starts_with("0x") || text_.substr(end).starts_with("0X");
  const auto is_exponent = [hex](char c) {
    const char lower = static_cast<char>(c | 0x20);
    return hex ? lower == 'p' : lower == 'e';
  };
  while (end < text_.size()) {
    const char c = text_[end];
    const bool sign = (c == '+' || c == '-') && is_exponent(text_[end - 1]);
    if (!IsWordByte(c) && c != '.' && !sign) break;
    ++end;
  }
  const std::string_view written = text_.substr(offset_, end - offset_);
  offset_ = end;
  std::string digits(written);
  std::erase(digits, '_');
  token.kind = Token::Kind::kConstant;
  token.text = written;
  const bool looks_like_float = digits.find_first_of(hex ? ".pP" : ".eEpP") != std::string::npos;
  if (!UnderscoresStandRight(written)) {
    return ErrorAt(token.offset, "bad number syntax: " + token.text);
  }
  if (!looks_like_float) {
    if (std::optional<Value> integer = ParseInteger(digits)) {
      token.value = *std::move(integer);
      return token;
    }
  }
  const std::optional<double> number =
      digits.find_first_of("nN") == std::string::npos ? ParseGoFloat(digits) : std::nullopt;
  if (!looks_like_float || !number || std::isinf(*number)) {
    const bool overflow = number.has_value();
    return ErrorAt(token.offset,
                   (overflow ? "integer overflow: " : "bad number syntax: ") + token.text);
  }
  token.value = Value(*number);
  return token;
}

Result<int64_t> Lexer::Escape(size_t* at, char quote, bool* is_byte) const {
  // *at stands on the character behind the backslash.
  const size_t start = *at - 1;
  if (*at >= text_.size()) return ErrorAt(start, "unterminated quoted string");
  const char c = text_[(*at)++];
  constexpr std::string_view kLetters = "abfnrtv\\";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
  if (const size_t i = kLetters.find(c); i != std::string_view::npos) return kMeanings[i];
  if (c == quote) return c;
  const auto number = [&](size_t digits, int base, int64_t value) -> Result<int64_t> {
    for (; digits > 0; --digits, ++*at) {
      const int digit = *at < text_.size() ? HexDigit(text_[*at]) : -1;
      if (digit < 0 || digit >= base) return ErrorAt(start, "bad escape in quoted string");
      value = value * base + digit;
    }
    return value;
  };
  *is_byte = c == 'x' || (c >= '0' && c <= '7');
  Result<int64_t> value = ErrorAt(start, "unknown escape in quoted string");
  if (c == 'x') value = number(2, 16, 0);
  if (c == 'u') value = number(4, 16, 0);
  if (c == 'U') value = number(8, 16, 0);
  if (c >= '0' && c <= '7') value = number(2, 8, c - '0');
  const int64_t most = *is_byte ? 0xff : 0x10ffff;
  if (value.has_value() && (*value > most || (*value >= 0xd800 && *value < 0xe000))) {
    return ErrorAt(start, "bad escape in quoted string");
  }
  return value;
}

Result<Token> Lexer::Quoted(Token token) {
  const char quote = text_[offset_];
  std::string text;
  int64_t runes = 0;
  int64_t last = 0;
  size_t at = offset_ + 1;
  while (true) {
    if (at >= text_.size() || text_[at] == '\n') {
      return ErrorAt(token.offset, quote == '"' ? "unterminated quoted string"
                                                : "unterminated character constant");
    }
    if (text_[at] == quote) break;
    ++runes;
    if (text_[at] == '\\') {
      ++at;
      bool is_byte = false;
      TOCSIN_ASSIGN_OR_RETURN(last, Escape(&at, quote, &is_byte));
      if (is_byte) {
        text.push_back(static_cast<char>(last));
      } else {
        AppendRune(&text, last);
      }
      continue;
    }
    uint32_t rune = 0;
    const size_t size = std::max<size_t>(DecodeRune(text_.substr(at), &rune), 1);
    last = rune;
    text.append(text_.substr(at, size));
    at += size;
  }
  token.text = text_.substr(offset_, at + 1 - offset_);
  offset_ = at + 1;
  token.kind = Token::Kind::kConstant;
  if (quote == '"') {
    token.value = Value(std::move(text));
  } else if (runes == 1) {
    token.value = Value(last);
  } else {
    return ErrorAt(token.offset, "malformed character constant: " + token.text);
  }
  return token;
}

Result<Token> Lexer::RawString(Token token) {
  const size_t end = text_.find('`', offset_ + 1);
  if (end == std::string_view::npos) return ErrorAt(offset_, "unterminated raw quoted string");
  std::string content(text_.substr(offset_ + 1, end - offset_ - 1));
  std::erase(content, '\r');  // As Go does with its source files.
  token.text = text_.substr(offset_, end + 1 - offset_);
  token.kind = Token::Kind::kConstant;
  token.value = Value(std::move(content));
  offset_ = end + 1;
  return token;
}

}  // namespace tocsin::tmpl::internal
