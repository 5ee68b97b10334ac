/// Text in quotes, as Go's package strconv writes and reads it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin {

/// As strconv.Quote: well-formed UTF-8 stays but for control characters, spaces other than ' ' and
/// marks that nobody sees; these and other bytes are escaped.
std::string QuoteGo(std::string_view text);
/// As strconv.QuoteRune; what is no code point is U+FFFD.
std::string QuoteRuneGo(int64_t rune);

/// The value of a literal in single quotes, double quotes or backticks, quotes included in
/// `literal`. Escapes as in Go; line feeds are taken as they stand. kInvalidArgument for a
/// malformed one.
Result<std::string> UnquoteGo(std::string_view literal);

}  // namespace tocsin
