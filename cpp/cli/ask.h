/// `tocsin query` and `tocsin promql`: ask a running server, print its JSON.

#pragma once

#include <string>

#include "cpp/base/status.h"

namespace tocsin::cli {

Result<std::string> AskTraceQl(const std::string& url, const std::string& query);
Result<std::string> AskPromQl(const std::string& url, const std::string& expr);

}  // namespace tocsin::cli
