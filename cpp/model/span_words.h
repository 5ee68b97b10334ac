/// What the kinds and statuses of spans are called: as words, in TraceQL and tables, and by the
/// names of OTLP's enums, in its JSON and in span metrics. Each list is in the order of its enum.

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "cpp/model/span_batch.h"

namespace tocsin {

inline constexpr std::array<std::string_view, 6> kKindWords = {
    "unspecified", "internal", "server", "client", "producer", "consumer"};
inline constexpr std::array<std::string_view, 3> kStatusWords = {"unset", "ok", "error"};

inline constexpr std::array<std::string_view, 6> kKindNames = {
    "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
inline constexpr std::array<std::string_view, 3> kStatusNames = {
    "STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};

/// A value outside of the enum, which a client may send, is called as the first.
constexpr std::string_view KindWord(SpanKind kind) {
  const auto index = static_cast<size_t>(kind);
  return kKindWords[index < kKindWords.size() ? index : 0];
}
constexpr std::string_view StatusWord(SpanStatus status) {
  const auto index = static_cast<size_t>(status);
  return kStatusWords[index < kStatusWords.size() ? index : 0];
}

}  // namespace tocsin
