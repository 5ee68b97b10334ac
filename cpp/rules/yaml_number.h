/// What a plain scalar of YAML 1.1 means where a whole number is expected, as Go's reader has it.
/// Private to this folder.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin::rules {

/// "5", "+5", "1_000"; "0x10", "0b11", "0o10" and, behind a 0, octal digits ("010" is 8); any other
/// decimal number ("5.9", "1e3", "08") without its fraction. What is below int64 is the least of
/// it. Nullopt: anything else, and what is above.
std::optional<int64_t> YamlWhole(std::string_view text);

}  // namespace tocsin::rules
