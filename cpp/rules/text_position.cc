#include "cpp/rules/text_position.h"

#include <algorithm>
#include <charconv>

namespace tocsin::rules {
namespace {

/// Takes `prefix`, if any, and a number off the front.
bool TakeNumber(std::string_view* text, std::string_view prefix, int* number) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (parsed.ec != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(parsed.ptr - text->data()));
  return true;
}

/// The line of that number, from 1, without its line feed; empty beyond the end.
std::string_view LineOf(std::string_view text, int number) {
  for (; number > 1; --number) {
    const size_t feed = text.find('\n');
    if (feed == std::string_view::npos) return {};
    text.remove_prefix(feed + 1);
  }
  return text.substr(0, text.find('\n'));
}

bool IsControl(std::string_view text, size_t at) {
  const char c = text[at];
  const bool is_ascii = (c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7f';
  if (is_ascii || at == 0 || text[at - 1] != '\xc2') return is_ascii;
  // U+0080 to U+009F in UTF-8; no other character has these two bytes in it.
  const auto second = static_cast<unsigned char>(c);
  return second >= 0x80 && second < 0xa0 && second != 0x85;
}

}  // namespace

std::optional<TextPosition> FindControl(std::string_view file_text) {
  if (file_text.starts_with("\xff\xfe") || file_text.starts_with("\xfe\xff")) return std::nullopt;
  TextPosition position{1, 1};
  for (size_t at = 0; at < file_text.size(); ++at) {
    if (IsControl(file_text, at)) return position;
    ++position.column;
    if (file_text[at] == '\n') position = {position.line + 1, 1};
  }
  return std::nullopt;
}

LocatedMessage SplitPosition(std::string_view message) {
  for (const auto& [first, second] : {std::pair{"line ", ", column "}, std::pair{"", ":"}}) {
    std::string_view rest = message;
    TextPosition position;
    if (TakeNumber(&rest, first, &position.line) && TakeNumber(&rest, second, &position.column) &&
        rest.starts_with(": ")) {
      return {position, std::string(rest.substr(2))};
    }
  }
  return {{}, std::string(message)};
}

TextPosition PositionInside(std::string_view file_text, const lib::Yaml& scalar,
                            TextPosition inside) {
  const TextPosition start{scalar.line, scalar.column};
  if (inside.line <= 0 || start.line <= 0) return start;
  const std::string_view wanted = LineOf(scalar.scalar, inside.line);
  const std::string_view first = LineOf(file_text, start.line);
  const auto at = std::min(static_cast<size_t>(start.column - 1), first.size());
  if (first.substr(at).starts_with('|')) {
    const std::string_view line = LineOf(file_text, start.line + inside.line);
    if (!line.ends_with(wanted)) return start;
    const auto indent = static_cast<int>(line.size() - wanted.size());
    return {start.line + inside.line, indent + inside.column};
  }
  const size_t quote =
      first.substr(at).starts_with('"') || first.substr(at).starts_with('\'') ? 1 : 0;
  if (inside.line == 1 && first.substr(at).substr(quote).starts_with(wanted)) {
    return {start.line, start.column + static_cast<int>(quote) + inside.column - 1};
  }
  return start;
}

}  // namespace tocsin::rules
