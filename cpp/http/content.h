/// Content codings of HTTP bodies.

#pragma once

#include <cstddef>
#include <string>

#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::http {

/// Takes the body out of `request` with its Content-Encoding (none, `identity`, `gzip`, `x-gzip`)
/// undone. kUnsupported for another coding, naming it; kInvalidArgument for bytes that are not what
/// the header says; kResourceExhausted when the result would be larger than `max_bytes`.
Result<std::string> TakeDecodedBody(Request* request, size_t max_bytes);

/// The type without its parameters, in lower case: "application/json" for
/// "Application/JSON; charset=utf-8".
std::string MediaType(std::string_view content_type);

}  // namespace tocsin::http
