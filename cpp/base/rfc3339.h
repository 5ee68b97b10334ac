/// Points in time as text.

#pragma once

#include <string>

#include "cpp/base/clock.h"

namespace tocsin {

/// "2026-11-22T15:36:42.123456789Z": UTC, as Go's RFC3339Nano prints it (no trailing zeros, no
/// point without a fraction). 0, which is "never" with us, is Go's zero time,
/// "0001-01-01T00:00:00Z".
std::string FormatRfc3339(Nanos time);

}  // namespace tocsin
