#include "cpp/base/quote.h"

#include <algorithm>
#include <cstdint>

#include "cpp/base/hex.h"
#include "cpp/base/utf8.h"

namespace tocsin {
namespace {

void AppendHex(std::string* out, uint32_t value, int digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out->push_back(kHex[(value >> shift) & 15U]);
  }
}

/// What strconv.IsPrint refuses, of the blocks in which that is common.
bool IsUnprintable(uint32_t rune) {
  return (rune >= 0x80 && rune <= 0xa0) || rune == 0xad || rune == 0xfeff ||
         (rune >= 0x2000 && rune <= 0x200f) || (rune >= 0x2028 && rune <= 0x202f);
}

/// One rune inside such quotes.
void AppendEscaped(std::string* out, uint32_t rune, char quote) {
  constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\";
  constexpr std::string_view kNames = "abfnrtv\\";
  const size_t at = rune < 0x80 ? kSpecial.find(static_cast<char>(rune)) : std::string_view::npos;
  if (at != std::string_view::npos) {
    out->push_back('\\');
    out->push_back(kNames[at]);
  } else if (rune == static_cast<uint32_t>(quote)) {
    out->push_back('\\');
    out->push_back(quote);
  } else if (rune < 0x20 || rune == 0x7f) {
    out->append("\\x");
    AppendHex(out, rune, 2);
  } else if (IsUnprintable(rune)) {
    out->append("\\u");
    AppendHex(out, rune, 4);
  } else {
    AppendRune(out, rune);
  }
}

// An escape in numbers: how many digits of which base follow, and what they are.
struct NumericEscape {
  size_t digits;
  uint32_t base;
  bool is_byte;  ///< One byte, not one character.
};

// Takes one escape sequence, its backslash already gone, from the front of `text`.
Status TakeEscape(std::string_view* text, char quote, std::string* out) {
  constexpr std::string_view kNames = "abfnrtv\\";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\";
  if (text->empty()) return InvalidArgumentError("escape sequence not terminated");
  const char c = text->front();
  if (const size_t at = kNames.find(c); at != std::string_view::npos || c == quote) {
    out->push_back(c == quote ? quote : kValues[at]);
    text->remove_prefix(1);
    return {};
  }
  NumericEscape escape{3, 8, true};
  if (c == 'x' || c == 'u' || c == 'U') {
    escape = {c == 'x' ? size_t{2} : c == 'u' ? size_t{4} : size_t{8}, 16, c == 'x'};
    text->remove_prefix(1);
  } else if (c < '0' || c > '7') {
    uint32_t rune = 0;
    const size_t length = std::max<size_t>(DecodeRune(*text, &rune), 1);
    std::string shown = QuoteGo(text->substr(0, length));
    if (c == '"') shown = "\"\"\"";
    shown.front() = '\'';
    shown.back() = '\'';
    return InvalidArgumentError("unknown escape sequence " + shown);
  }
  if (text->size() < escape.digits) return InvalidArgumentError("escape sequence not terminated");
  uint64_t code = 0;
  for (const char digit : text->substr(0, escape.digits)) {
    const int value = HexDigit(digit);
    if (value < 0 || value >= static_cast<int>(escape.base)) {
      return InvalidArgumentError("illegal character in escape sequence");
    }
    code = code * escape.base + static_cast<uint64_t>(value);
  }
  text->remove_prefix(escape.digits);
  const bool invalid =
      escape.is_byte ? code > 255 : code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
  if (invalid) return InvalidArgumentError("escape sequence is an invalid Unicode code point");
  if (escape.is_byte) {
    out->push_back(static_cast<char>(code));
  } else {
    AppendRune(out, static_cast<int64_t>(code));
  }
  return {};
}

}  // namespace

std::string QuoteGo(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t length = DecodeRune(text, &rune);
    if (length == 0) {
      out.append("\\x");
      AppendHex(&out, static_cast<unsigned char>(text.front()), 2);
    } else {
      AppendEscaped(&out, rune, '"');
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out.append("\"");
}

std::string QuoteRuneGo(int64_t rune) {
  std::string out = "'";
  AppendEscaped(&out, rune < 0 || rune > 0x10ffff ? 0xfffd : static_cast<uint32_t>(rune), '\'');
  return out.append("'");
}

Result<std::string> UnquoteGo(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) {
    return InvalidArgumentError("unterminated quoted string");
  }
  const char quote = literal.front();
  std::string_view rest = literal.substr(1, literal.size() - 2);
  if (quote == '`') return std::string(rest);
  std::string value;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\') {
      TOCSIN_RETURN_IF_ERROR(TakeEscape(&rest, quote, &value));
    } else {
      value.push_back(c);
    }
  }
  return value;
}

}  // namespace tocsin
