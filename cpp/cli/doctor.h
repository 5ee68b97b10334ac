/// `tocsin doctor`: what is wrong with a data directory.

#pragma once

#include <string>

#include "cpp/base/status.h"

namespace tocsin::cli {

/// Prints what was found, for people or as one JSON object, and returns whether the directory is
/// healthy. Errors: kNotFound (no data directory), kAlreadyExists (in use), and what keeps it from
/// being read.
Result<bool> Doctor(const std::string& directory, bool json);

}  // namespace tocsin::cli
