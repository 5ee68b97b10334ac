/// The two syntaxes of matchers. Private to this folder.

#pragma once

#include <string_view>

#include "cpp/base/status.h"
#include "cpp/routing/matcher.h"

namespace tocsin::routing {

/// White space or one of {}!=~,\"'` somewhere: must be quoted as a name.
bool HasReserved(std::string_view text);

/// Since Alertmanager 0.27. kInvalidArgument "column 5: ...".
Result<Matchers> ParseUtf8Matchers(std::string_view text);

/// Before it: plain names; values quoted or not, with the escapes of OpenMetrics. kInvalidArgument.
Result<Matchers> ParseClassicMatchers(std::string_view text);
/// One: a comma is part of the value.
Result<Matcher> ParseClassicMatcher(std::string_view text);

}  // namespace tocsin::routing
