/// Hexadecimal digits.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin {

/// The value of a digit, of either case; -1 for what is none.
constexpr int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// All 16 digits, in lower case.
inline std::string Hex16(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[(value >> shift) & 0xf]);
  return text;
}

}  // namespace tocsin
