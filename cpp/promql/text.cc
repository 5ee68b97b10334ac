#include "cpp/promql/text.h"

#include <algorithm>

#include "cpp/base/quote.h"

namespace tocsin::promql {
namespace {

// Of the byte or the escape sequence at the front of what is in a literal.
size_t WrittenLength(std::string_view text) {
  if (text.size() < 2 || text[0] != '\\') return 1;
  if (text[1] == 'u') return 6;
  if (text[1] == 'U') return 10;
  const bool numeric = text[1] == 'x' || (text[1] >= '0' && text[1] <= '7');
  return numeric ? 4 : 2;
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

std::string QuoteGo(std::string_view text) { return tocsin::QuoteGo(text); }

std::string QuoteFirstCharacter(std::string_view text) {
  const size_t length = std::max<size_t>(Utf8Length(text), 1);
  std::string quoted = QuoteGo(text.substr(0, length));
  if (quoted == "\"\\\"\"") quoted = "\"\"\"";
  quoted.front() = '\'';
  quoted.back() = '\'';
  return quoted;
}

Result<std::string> UnquoteLiteral(std::string_view literal) { return UnquoteGo(literal); }

size_t LiteralOffset(std::string_view literal, size_t value_offset) {
  const size_t end = literal.size() - 1;
  if (literal.front() == '`') return std::min(1 + value_offset, end);
  // Of the value, what was written before `at`.
  size_t value_size = 0;
  for (size_t at = 1; at < end;) {
    const size_t written = WrittenLength(literal.substr(at));
    const std::string quote(1, literal.front());
    const Result<std::string> piece =
        UnquoteLiteral(quote + std::string(literal.substr(at, written)) + quote);
    value_size += piece.has_value() ? piece->size() : 0;
    if (value_size > value_offset) return at;
    at += written;
  }
  return end;
}

bool IsPlainLabelName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool IsValidLabelName(std::string_view name) { return !name.empty() && IsValidUtf8(name); }

size_t ByteOffset(std::string_view text, uint32_t line, uint32_t column) {
  size_t offset = 0;
  for (; line > 1; --line) {
    const size_t line_break = text.find('\n', offset);
    if (line_break == std::string_view::npos) return text.size();
    offset = line_break + 1;
  }
  for (; column > 1 && offset < text.size(); --column) {
    offset += std::max<size_t>(Utf8Length(text.substr(offset)), 1);
  }
  return offset;
}

std::string PositionText(std::string_view query, uint32_t position) {
  const std::string_view before = query.substr(0, position);
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t last_break = before.rfind('\n');
  const size_t column =
      last_break == std::string_view::npos ? before.size() + 1 : before.size() - last_break;
  return std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace tocsin::promql
