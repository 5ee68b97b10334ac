/// How names and values of labels are written where Prometheus's text formats show them.

#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace tocsin {

/// Whether a metric's name needs no quotes: [a-zA-Z_:][a-zA-Z0-9_:]*.
inline bool IsPlainMetricName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, fits);
}

/// Backslashes and line breaks are escaped, and `quotes` if they are to be.
inline void AppendEscaped(std::string_view text, bool quotes, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      out->append("\\n");
      continue;
    }
    if (c == '\\' || (c == '"' && quotes)) out->push_back('\\');
    out->push_back(c);
  }
}

inline void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  AppendEscaped(text, true, out);
  out->push_back('"');
}

}  // namespace tocsin
