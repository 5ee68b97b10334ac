/// Reading the parameters of Jaeger's requests, with the refusals that its Go code gives.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::api {

/// The first value of a parameter; "" if it is missing.
std::string_view JaegerText(const http::Request& request, std::string_view name);

/// `strconv.ParseInt: parsing "x": invalid syntax`.
Failure NotParsed(std::string_view function, std::string_view text, std::string_view why);
/// `unable to parse param 'start': ...`.
Failure BadJaegerParam(std::string_view name, const Status& why);

/// kInvalidArgument as NotParsed() words it, also for what is not in [least, most].
Result<int64_t> ParseJaegerInt(std::string_view text, int64_t least, int64_t most);
Result<bool> ParseJaegerBool(std::string_view text);
/// A Go or Prometheus duration.
Result<Nanos> ParseJaegerDuration(std::string_view text);

// Refusals name the parameter. Nothing, false and 0 if it is missing.

/// A point in time or a length of it, a whole number of `unit`, in nanoseconds. What is below 0 is
/// 0: no time before 1970 is stored.
Result<std::optional<Nanos>> ReadJaegerTime(const http::Request& request, std::string_view name,
                                            Nanos unit);
Result<Nanos> ReadJaegerDuration(const http::Request& request, std::string_view name);
Result<bool> ReadJaegerBool(const http::Request& request, std::string_view name);

}  // namespace tocsin::api
