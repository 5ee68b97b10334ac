/// Text inside URLs.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin {

/// As Go's url.QueryEscape writes a key or a value of a query string or a form: letters, digits and
/// "-_.~" stand for themselves, a space is "+", any other byte is "%" and two digits.
inline std::string EscapeQuery(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      escaped.push_back(c);
    } else if (c == ' ') {
      escaped.push_back('+');
    } else {
      escaped.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return escaped;
}

}  // namespace tocsin
