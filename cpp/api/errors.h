/// A Status as an HTTP status; docs/errors.md is the table.

#pragma once

#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::api {

int HttpStatusOf(StatusCode code);

/// Plain text, as Tempo's API answers; 429 and 503 carry Retry-After.
http::Response TextError(const Status& status);

}  // namespace tocsin::api
