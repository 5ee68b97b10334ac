/// Durations as Prometheus writes them: "5m", "1h30m", "1d", "0".

#pragma once

#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin {

/// Units y (365d), w, d, h, m, s, ms, each at most once, from large to small; "0" needs none.
/// kInvalidArgument for anything else and for more than int64 nanoseconds (292 years).
Result<Nanos> ParseDuration(std::string_view text);

/// The same notation: 90 s is "1m30s", 0 is "0s". What is below a millisecond is dropped; a week or
/// a year is used only where it divides the duration exactly, as Prometheus prints it.
std::string FormatDuration(Nanos duration);

}  // namespace tocsin
