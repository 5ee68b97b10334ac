#include "cpp/promql/text.h"

#include <algorithm>

#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"

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
  uint32_t rune = 0;
  return text.empty() ? 0 : DecodeRune(text, &rune);
}

std::string QuoteFirstCharacter(std::string_view text) {
  const size_t length = std::max<size_t>(Utf8Length(text), 1);
  std::string quoted = QuoteGo(text.substr(0, length));
  if (quoted == "\"\\\"\"") quoted = "\"\"\"";
  quoted.front() = '\'';
  quoted.back() = '\'';
  return quoted;
}

size_t LiteralOffset(std::string_view literal, size_t value_offset) {
  const size_t end = literal.size() - 1;
  if (literal.front() == '`') return std::min(1 + value_offset, end);
  // Of the value, what was written before `at`.
  size_t value_size = 0;
  for (size_t at = 1; at < end;) {
    const size_t written = WrittenLength(literal.substr(at));
    std::string quoted(1, literal.front());
    quoted.append(literal.substr(at, written)).push_back(literal.front());
    const Result<std::string> piece = UnquoteGo(quoted);
    value_size += piece.has_value() ? piece->size() : 0;
    if (value_size > value_offset) return at;
    at += written;
  }
  return end;
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
