/// Text in quotes, as Go's package strconv writes and reads it.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin {

/// As strconv.Quote: well-formed UTF-8 stays, control characters and other bytes are escaped.
std::string QuoteGo(std::string_view text);

/// The value of a literal in single quotes, double quotes or backticks, quotes included in
/// `literal`. Escapes as in Go; line feeds are taken as they stand. kInvalidArgument for a
/// malformed one.
Result<std::string> UnquoteGo(std::string_view literal);

}  // namespace tocsin
