/// A TraceDiff as the documents that Tempo gives out.

#pragma once

#include <cstddef>
#include <string>

#include "cpp/api/trace_diff.h"
#include "cpp/base/status.h"

namespace tocsin::api {

inline constexpr std::string_view kTracePatch = "trace-patch-v0";
inline constexpr std::string_view kTraceSummary = "trace-summary-v0-native";
inline constexpr std::string_view kTraceComposed = "trace-summary-v0-composed";

/// Every change. kFailedPrecondition if that is more than `max_bytes` of text.
Result<std::string> EncodeTracePatch(const DiffTrace& base, const DiffTrace& compare,
                                     const TraceDiff& diff, size_t max_bytes);

/// Sums and directions, for the whole and by service.
std::string EncodeTraceSummary(const DiffTrace& base, const DiffTrace& compare,
                               const TraceDiff& diff);

/// The summary, and the patch if it is at most 64 KiB; otherwise its size, of one above `max_bytes`
/// that it is at least that.
std::string EncodeTraceComposed(const DiffTrace& base, const DiffTrace& compare,
                                const TraceDiff& diff, size_t max_bytes);

}  // namespace tocsin::api
