/// `tocsin rules check|test|backtest`: rules before they are loaded. None of them needs a server.

#pragma once

#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// Prints to standard output and error, and returns the exit code: 0 success; 1 a file is wrong or
/// a test fails; 2 the arguments make no sense; 3 lint with --lint-fatal.
int RunRules(const Arguments& arguments);

}  // namespace tocsin::cli
