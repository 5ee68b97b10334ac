/// Content codings of HTTP bodies.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::http {

/// The body of `request` with its Content-Encoding (none, `identity`, `gzip`, `x-gzip`) undone: a
/// view of the request, or of `*decoded`. kUnsupported for another coding, naming it;
/// kInvalidArgument for bytes that are not what the header says; kResourceExhausted when the result
/// would be larger than `max_bytes`.
Result<std::string_view> DecodedBody(const Request& request, size_t max_bytes,
                                     std::string* decoded);

/// The type without its parameters, in lower case: "application/json" for
/// "Application/JSON; charset=utf-8".
std::string MediaType(std::string_view content_type);

}  // namespace tocsin::http
