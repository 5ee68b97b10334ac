/// Texts that commands take and give.

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::cli {

/// A point in time as people type it: Unix seconds (also with a fraction), "2026-11-22T15:36:42Z"
/// (RFC 3339, also with an offset or a fraction, of which three digits count), "2026-11-22", "now",
/// or a duration before `now`
/// ("-1h30m"). Nanoseconds since the Unix epoch. kInvalidArgument for anything else.
Result<Nanos> ParseMoment(std::string_view text, Nanos now);

/// "1,234,567".
std::string FormatCount(uint64_t count);

}  // namespace tocsin::cli
