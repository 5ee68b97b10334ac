/// Strings as PromQL writes them: literals, names, positions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::promql {

/// The length of the well-formed UTF-8 sequence at the front of `text`; 0 if there is none.
size_t Utf8Length(std::string_view text);

/// The first character of `text` in single quotes. REQUIRES: !text.empty().
std::string QuoteFirstCharacter(std::string_view text);

/// Where in `literal` that byte of its value is written; behind the value, its closing quote.
/// REQUIRES: a literal that UnquoteGo() takes.
size_t LiteralOffset(std::string_view literal, size_t value_offset);

/// What is legal as a label name when quoted: well-formed UTF-8, not empty.
bool IsValidLabelName(std::string_view name);

/// The byte of a character by its line and its place in that, both counted from 1; the end of the
/// text if there is none.
size_t ByteOffset(std::string_view text, uint32_t line, uint32_t column);

/// "line:column" of a byte of the query, both counted from 1.
std::string PositionText(std::string_view query, uint32_t position);

}  // namespace tocsin::promql
