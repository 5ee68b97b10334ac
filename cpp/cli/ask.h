/// `tocsin query`: asks a running server; the answer is its JSON.

#pragma once

#include <string>

#include "cpp/base/status.h"

namespace tocsin::cli {

Result<std::string> AskTraceQl(const std::string& url, const std::string& query);

}  // namespace tocsin::cli
