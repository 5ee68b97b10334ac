/// Whether bytes are UTF-8, as protobuf demands it of every `string` field.

#pragma once

#include <string_view>

namespace tocsin::wire {

/// Well-formed UTF-8 as in Unicode, table 3-7: shortest forms only, no surrogates, nothing above
/// U+10FFFF. NUL and other control characters are allowed.
bool IsUtf8(std::string_view text);

}  // namespace tocsin::wire
