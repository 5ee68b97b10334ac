/// Strings as PromQL writes them: quoting as in Go, names, positions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::promql {

/// The length of the well-formed UTF-8 sequence at the front of `text`; 0 if there is none.
size_t Utf8Length(std::string_view text);
bool IsValidUtf8(std::string_view text);

/// As Go's strconv.Quote: well-formed UTF-8 stays, control characters and other bytes are escaped.
std::string QuoteGo(std::string_view text);
/// The first character of `text` in single quotes. REQUIRES: !text.empty().
std::string QuoteFirstCharacter(std::string_view text);

/// The value of a literal in single quotes, double quotes or backticks, quotes included in
/// `literal`. Escapes as in Go. kInvalidArgument for a malformed one.
Result<std::string> UnquoteLiteral(std::string_view literal);

/// Where in `literal` that byte of its value is written; behind the value, its closing quote.
/// REQUIRES: a literal that UnquoteLiteral() takes.
size_t LiteralOffset(std::string_view literal, size_t value_offset);

/// Letters, digits and underscores, no digit first: a label name that needs no quotes.
bool IsPlainLabelName(std::string_view name);
/// What is legal as a label name when quoted: well-formed UTF-8, not empty.
bool IsValidLabelName(std::string_view name);

/// The byte of a character by its line and its place in that, both counted from 1; the end of the
/// text if there is none.
size_t ByteOffset(std::string_view text, uint32_t line, uint32_t column);

/// "line:column" of a byte of the query, both counted from 1.
std::string PositionText(std::string_view query, uint32_t position);

}  // namespace tocsin::promql
