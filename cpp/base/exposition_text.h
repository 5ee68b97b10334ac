/// How names and values of labels are written where Prometheus's text formats show them.

#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace tocsin {

/// Letters, digits and `more`, no digit first.
inline bool IsPlainName(std::string_view name, std::string_view more) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || more.contains(c);
  };
  return !name.empty() && !is_digit(name[0]) && std::ranges::all_of(name, fits);
}

/// Whether a metric's name needs no quotes: [a-zA-Z_:][a-zA-Z0-9_:]*.
inline bool IsPlainMetricName(std::string_view name) { return IsPlainName(name, "_:"); }

/// Whether a label's name needs no quotes: [a-zA-Z_][a-zA-Z0-9_]*.
inline bool IsPlainLabelName(std::string_view name) { return IsPlainName(name, "_"); }

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
