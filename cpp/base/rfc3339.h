/// Points in time as text, in UTC.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"

namespace tocsin {

/// "2026-11-22T15:36:42.123456789Z", as Go's RFC3339Nano prints it (no trailing zeros, no point
/// without a fraction). 0, which is "never" with us, is Go's zero time, "0001-01-01T00:00:00Z".
std::string FormatRfc3339(Nanos time);

/// "2026-11-22T15:36:42.120Z": always three decimals. What is below a millisecond is dropped.
std::string FormatRfc3339Millis(Nanos time);

/// "2026-11-22T15:36:42Z", of seconds since the Unix epoch.
std::string FormatRfc3339Seconds(int64_t unix_seconds);

/// Milliseconds since the Unix epoch of "2026-11-22T15:36:42.123+01:00", with any number of
/// decimals, of which three count. Nullopt for anything else, also for days that do not exist.
std::optional<int64_t> ParseRfc3339(std::string_view text);

/// The same to the nanosecond, as FormatRfc3339 writes it: Go's zero time is 0. What lies beyond
/// the years 1678 to 2261 is moved to where they end.
std::optional<Nanos> ParseRfc3339Nanos(std::string_view text);

}  // namespace tocsin
