/// Requests of commands that run for long: a server that is busy, restarting or out of reach for a
/// moment is asked again.

#pragma once

#include "cpp/base/status.h"
#include "cpp/http/client.h"
#include "cpp/http/message.h"

namespace tocsin::cli {

/// The answer, which has status 200. 429, 502, 503, 504 and broken connections are tried again,
/// with growing pauses or after what Retry-After says, for about a minute, with a line on standard
/// error. Other answers are errors with the status and the first line of the body: kInvalidArgument
/// for 4xx, else kUnavailable.
Result<http::Response> PatientFetch(const http::ClientRequest& request);

}  // namespace tocsin::cli
