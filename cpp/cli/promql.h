/// `tocsin promql`: evaluates PromQL on a running server or in a data directory.

#pragma once

#include <string>

#include "cpp/base/status.h"
#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// What is to be printed: a table, CSV, or the JSON of Prometheus's API. Warnings and infos go to
/// standard error. kInvalidArgument for arguments and expressions that cannot be meant.
Result<std::string> PromQl(const Arguments& arguments);

}  // namespace tocsin::cli
