/// Text as a sequence of code points.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin {

/// The length in bytes of the UTF-8 sequence at the front, 0 if it is none; its code point goes to
/// `rune`. REQUIRES: !text.empty().
size_t DecodeRune(std::string_view text, uint32_t* rune);

/// Appends a code point as UTF-8; what is none becomes U+FFFD.
void AppendRune(std::string* out, int64_t rune);

bool IsValidUtf8(std::string_view text);

/// Code points; a byte that is not UTF-8 counts as one.
size_t RuneCount(std::string_view text);

/// The longest beginning of at most `count` code points.
std::string_view FirstRunes(std::string_view text, size_t count);

/// Upper and lower case of the Latin (to U+017F), Greek and Cyrillic letters; other text, and bytes
/// that are not UTF-8, stay as they are.
std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);

/// strings.Title of Go: the first letter of every word in upper case.
std::string ToTitle(std::string_view text);

}  // namespace tocsin
