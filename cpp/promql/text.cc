#include "cpp/promql/text.h"

#include <algorithm>

#include "cpp/base/hex.h"

namespace tocsin::promql {
namespace {

void AppendEscaped(std::string* out, char c) {
  constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kNames = "abfnrtv\\\"";
  out->push_back('\\');
  if (const size_t at = kSpecial.find(c); at != std::string_view::npos) {
    out->push_back(kNames[at]);
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out->push_back('x');
  out->push_back(kHex[byte >> 4U]);
  out->push_back(kHex[byte & 15U]);
}

void AppendUtf8(std::string* out, uint32_t code) {
  const auto push = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xc0U | (code >> 6U));
    push(0x80U | (code & 0x3fU));
  } else if (code < 0x10000) {
    push(0xe0U | (code >> 12U));
    push(0x80U | ((code >> 6U) & 0x3fU));
    push(0x80U | (code & 0x3fU));
  } else {
    push(0xf0U | (code >> 18U));
    push(0x80U | ((code >> 12U) & 0x3fU));
    push(0x80U | ((code >> 6U) & 0x3fU));
    push(0x80U | (code & 0x3fU));
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
    return Status();
  }
  NumericEscape escape{3, 8, true};
  if (c == 'x' || c == 'u' || c == 'U') {
    escape = {c == 'x' ? size_t{2} : c == 'u' ? size_t{4} : size_t{8}, 16, c == 'x'};
    text->remove_prefix(1);
  } else if (c < '0' || c > '7') {
    return InvalidArgumentError("unknown escape sequence " + QuoteFirstCharacter(*text));
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
    AppendUtf8(out, static_cast<uint32_t>(code));
  }
  return Status();
}

}  // namespace

size_t Utf8Length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return 0;
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
  }
  const bool overlong_or_surrogate =
      (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f);
  return overlong_or_surrogate ? 0 : length;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string QuoteGo(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const size_t length = Utf8Length(text);
    const auto byte = static_cast<unsigned char>(c);
    if (length == 0 || (length == 1 && (byte < 0x20 || byte == 0x7f || c == '"' || c == '\\'))) {
      AppendEscaped(&out, c);
      text.remove_prefix(1);
    } else {
      out.append(text, 0, length);
      text.remove_prefix(length);
    }
  }
  return out.append("\"");
}

std::string QuoteFirstCharacter(std::string_view text) {
  const size_t length = std::max<size_t>(Utf8Length(text), 1);
  std::string quoted = QuoteGo(text.substr(0, length));
  if (quoted == "\"\\\"\"") quoted = "\"\"\"";
  quoted.front() = '\'';
  quoted.back() = '\'';
  return quoted;
}

Result<std::string> UnquoteLiteral(std::string_view literal) {
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

bool IsPlainLabelName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool IsValidLabelName(std::string_view name) { return !name.empty() && IsValidUtf8(name); }

std::string PositionText(std::string_view query, uint32_t position) {
  const std::string_view before = query.substr(0, position);
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t last_break = before.rfind('\n');
  const size_t column =
      last_break == std::string_view::npos ? before.size() + 1 : before.size() - last_break;
  return std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace tocsin::promql
