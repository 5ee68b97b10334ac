#include "cpp/routing/matcher_syntax.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"

namespace tocsin::routing {
namespace {

// unicode.IsSpace of Go.
bool IsSpace(uint32_t rune) {
  if (rune < 0x80) return rune == ' ' || (rune >= '\t' && rune <= '\r');
  return rune == 0x85 || rune == 0xa0 || rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) ||
         rune == 0x2028 || rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

bool IsReserved(uint32_t rune) {
  constexpr std::string_view kReserved = "{}!=~,\\\"'`";
  return IsSpace(rune) ||
         (rune < 0x80 && kReserved.find(static_cast<char>(rune)) != std::string_view::npos);
}

enum class Token : uint8_t { kEnd, kOpen, kClose, kComma, kOperator, kQuoted, kBare, kBad };

// REQUIRES: the text is UTF-8.
class Utf8Parser {
 public:
  explicit Utf8Parser(std::string_view text) : text_(text) { Next(); }

  Result<Matchers> Parse() {
    if (token_ == Token::kEnd) return Matchers();
    const bool open = token_ == Token::kOpen;
    if (open) Next();
    Matchers matchers;
    while (token_ != Token::kClose && !(token_ == Token::kEnd && (open || !matchers.empty()))) {
      TOCSIN_ASSIGN_OR_RETURN(Matcher matcher, TakeMatcher());
      matchers.push_back(std::move(matcher));
      if (token_ == Token::kEnd || token_ == Token::kClose) break;
      if (token_ != Token::kComma) return Wrong("a comma or a closing brace");
      Next();
    }
    if (token_ == Token::kClose && !open) return At("a closing brace without an opening one");
    if (open && token_ != Token::kClose) return Wrong("a closing brace");
    if (open) Next();
    if (token_ != Token::kEnd) return Wrong("the end");
    return matchers;
  }

 private:
  Failure At(std::string_view message) const {
    return InvalidArgumentError("column " + std::to_string(start_ + 1) + ": " +
                                std::string(message));
  }
  Failure Wrong(std::string_view wanted) const {
    if (token_ == Token::kBad) return At(bad_);
    const std::string found =
        token_ == Token::kEnd ? "the end" : QuoteGo(text_.substr(start_, at_ - start_));
    return At("expected " + std::string(wanted) + ", found " + found);
  }

  Result<std::string> TakeText(std::string_view what) {
    if (token_ != Token::kQuoted && token_ != Token::kBare) return Wrong(what);
    const std::string_view taken = text_.substr(start_, at_ - start_);
    std::string value(taken);
    if (token_ == Token::kQuoted) {
      if (taken.find('\n') != std::string_view::npos) return At("a line feed inside quotes");
      Result<std::string> unquoted = UnquoteGo(taken);
      if (!unquoted.has_value()) return At(unquoted.error().message());
      if (!IsValidUtf8(*unquoted)) return At("what is in quotes is no UTF-8");
      value = *std::move(unquoted);
    }
    Next();
    return value;
  }

  Result<Matcher> TakeMatcher() {
    const size_t begin = start_;
    TOCSIN_ASSIGN_OR_RETURN(const std::string name, TakeText("the name of a label"));
    if (token_ != Token::kOperator) return Wrong("one of = != =~ !~");
    const Matcher::Op op = op_;
    Next();
    const size_t value_at = start_;
    TOCSIN_ASSIGN_OR_RETURN(const std::string value, TakeText("the value of a label"));
    Result<Matcher> matcher = Matcher::Make(op, name, value);
    if (!matcher.has_value()) {
      start_ = name.empty() ? begin : value_at;
      return At(matcher.error().message());
    }
    return matcher;
  }

  uint32_t Peek(size_t* size) const {
    uint32_t rune = 0;
    *size = DecodeRune(text_.substr(at_), &rune);
    return rune;
  }

  void Next() {
    size_t size = 0;
    while (at_ < text_.size() && IsSpace(Peek(&size))) at_ += size;
    start_ = at_;
    if (at_ == text_.size()) {
      token_ = Token::kEnd;
      return;
    }
    const uint32_t rune = Peek(&size);
    if (!IsReserved(rune)) {
      while (at_ < text_.size() && !IsReserved(Peek(&size))) at_ += size;
      token_ = Token::kBare;
      return;
    }
    at_ += size;
    switch (rune) {
      case '{':
        token_ = Token::kOpen;
        return;
      case '}':
        token_ = Token::kClose;
        return;
      case ',':
        token_ = Token::kComma;
        return;
      case '=':
      case '!':
        return NextOperator(rune);
      case '"':
        return NextQuoted();
      default:
        token_ = Token::kBad;
        bad_ = QuoteGo(text_.substr(start_, size)) + " must stand in double quotes";
    }
  }

  void NextOperator(uint32_t first) {
    const char second = at_ < text_.size() ? text_[at_] : '\0';
    token_ = Token::kOperator;
    op_ = first == '=' ? Matcher::Op::kEqual : Matcher::Op::kNotEqual;
    if (second == '~') {
      op_ = first == '=' ? Matcher::Op::kRegex : Matcher::Op::kNotRegex;
    } else if (first == '=') {
      return;
    } else if (second != '=') {
      token_ = Token::kBad;
      bad_ = "expected != or !~";
      return;
    }
    ++at_;
  }

  void NextQuoted() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        token_ = Token::kQuoted;
        return;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
    }
    token_ = Token::kBad;
    bad_ = "the closing quote is missing";
  }

  std::string_view text_;
  size_t start_ = 0;  // Of the token at hand,
  size_t at_ = 0;     // and its end.
  Token token_ = Token::kEnd;
  Matcher::Op op_ = Matcher::Op::kEqual;  // kOperator.
  std::string bad_;                       // kBad: why.
};

// \s of a regular expression.
bool IsAsciiSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsAsciiSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsAsciiSpace(text.back())) text.remove_suffix(1);
  return text;
}

// Everything between commas that stand outside of quotes.
std::vector<std::string_view> SplitClassic(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  bool escaped = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' && !quoted) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (c == '"') {
      quoted = escaped ? quoted : !quoted;
      escaped = false;
    } else {
      escaped = c == '\\' && !escaped;
    }
  }
  if (!Trim(text.substr(begin)).empty()) parts.push_back(text.substr(begin));
  return parts;
}

Failure BadValue(std::string_view raw) {
  return InvalidArgumentError("matcher value contains unescaped double quote: " + std::string(raw));
}

// Takes the quotes and the escapes of OpenMetrics off; any other backslash stands for itself.
Result<std::string> ClassicValue(std::string_view raw) {
  std::string_view rest = raw;
  const bool quoted = rest.starts_with('"');
  if (quoted) {
    rest.remove_prefix(1);
    if (rest.empty()) return BadValue(raw);
  }
  std::string value;
  bool closed = false;
  for (size_t i = 0; i < rest.size(); ++i) {
    const bool last = i + 1 == rest.size();
    if (rest[i] == '\\' && !last) {
      const char c = rest[++i];
      if (c == 'n') {
        value.push_back('\n');
        continue;
      }
      if (c != '"' && c != '\\') value.push_back('\\');
      value.push_back(c);
    } else if (rest[i] == '"') {
      if (!quoted || !last) return BadValue(raw);
      closed = true;
    } else {
      value.push_back(rest[i]);
    }
  }
  if (quoted && !closed) return BadValue(raw);
  return value;
}

}  // namespace

bool HasReserved(std::string_view text) {
  for (uint32_t rune = 0; !text.empty();) {
    const size_t size = DecodeRune(text, &rune);
    if (size > 0 && IsReserved(rune)) return true;
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return false;
}

Result<Matchers> ParseUtf8Matchers(std::string_view text) {
  if (!IsValidUtf8(text)) return InvalidArgumentError("column 1: matchers must be UTF-8");
  return Utf8Parser(text).Parse();
}

Result<Matcher> ParseClassicMatcher(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  };
  size_t end = 0;
  while (end < trimmed.size() && is_name(trimmed[end])) ++end;
  const std::string_view name = trimmed.substr(0, end);
  std::string_view rest = Trim(trimmed.substr(end));
  const bool plain = !name.empty() && (name[0] < '0' || name[0] > '9');
  Matcher::Op op = Matcher::Op::kEqual;
  if (rest.starts_with("=~")) {
    op = Matcher::Op::kRegex;
  } else if (rest.starts_with("!=")) {
    op = Matcher::Op::kNotEqual;
  } else if (rest.starts_with("!~")) {
    op = Matcher::Op::kNotRegex;
  } else if (!rest.starts_with('=')) {
    rest = {};
  }
  if (!plain || rest.empty()) {
    return InvalidArgumentError("bad matcher format: " + std::string(text));
  }
  rest.remove_prefix(op == Matcher::Op::kEqual ? 1 : 2);
  TOCSIN_ASSIGN_OR_RETURN(const std::string value, ClassicValue(Trim(rest)));
  return Matcher::Make(op, name, value);
}

Result<Matchers> ParseClassicMatchers(std::string_view text) {
  if (text.starts_with('{')) text.remove_prefix(1);
  if (text.ends_with('}')) text.remove_suffix(1);
  Matchers matchers;
  for (const std::string_view part : SplitClassic(text)) {
    TOCSIN_ASSIGN_OR_RETURN(Matcher matcher, ParseClassicMatcher(part));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

}  // namespace tocsin::routing
