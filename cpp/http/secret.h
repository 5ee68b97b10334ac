/// Reads what is not to be shown.

#pragma once

#include <string>

#include "cpp/base/http_options.h"
#include "cpp/base/status.h"

namespace tocsin::http {

/// The value, or what its file holds now, without the white space around it. kNotFound or
/// kUnavailable if the file cannot be read; kResourceExhausted if it is larger than a mebibyte.
Result<std::string> ReadSecret(const Secret& secret);

}  // namespace tocsin::http
