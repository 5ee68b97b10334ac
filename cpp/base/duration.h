/// Durations as text. Two notations: Prometheus's own, where queries, rules and answers must be
/// exactly as there, and a wider one for what people write elsewhere.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin {

/// Prometheus's: "5m", "1h30m", "1d". Units y (365d), w, d, h, m, s, ms, each at most once, from
/// large to small; "0" needs none. kInvalidArgument for anything else and for more than int64
/// nanoseconds (292 years).
Result<Nanos> ParseDuration(std::string_view text);

/// The same notation: 90 s is "1m30s", 0 is "0s". What is below a millisecond is dropped; a week or
/// a year is used only where it divides the duration exactly, as Prometheus prints it.
std::string FormatDuration(Nanos duration);

/// What ParseDuration takes, and what Go takes: fractions ("1.5h"), also units us, µs and ns, in
/// any order. Nullopt for anything else, for what is negative and for more than 292 years.
std::optional<Nanos> ParsePeriod(std::string_view text);

/// To the nanosecond, and read back by ParsePeriod; the largest unit is the hour: "1m30s", "720h",
/// "0s". REQUIRES: period >= 0.
std::string FormatPeriod(Nanos period);

}  // namespace tocsin
