/// The methods of times, durations and the caller's types that templates use. Private to this
/// folder.

#pragma once

#include <span>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/template/value.h"

namespace tocsin::tmpl::internal {

/// time.Time: Format, String, GoString, Unix, UnixMilli, UnixMicro, UnixNano, UTC, Local, Location,
/// IsZero, Year, Month, Day, Hour, Minute, Second, Nanosecond, Weekday, YearDay, Add, AddDate,
/// Truncate, Round, Sub, After, Before, Equal, Compare. time.Duration: String, Seconds, Minutes,
/// Hours, Milliseconds, Microseconds, Nanoseconds, Round, Truncate, Abs. Of a NamedType: its own.
bool HasMethod(const Value& receiver, std::string_view name);

/// REQUIRES: HasMethod. kInvalidArgument for other arguments than the method takes.
Result<Value> CallMethod(const Value& receiver, std::string_view name,
                         std::span<const Value> arguments);

}  // namespace tocsin::tmpl::internal
