/// `tocsin rules backtest`: when rules would have fired.

#pragma once

#include <string>

#include "cpp/base/status.h"
#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// Evaluates the rule files in `arguments.positional` (globs were expanded by the shell) over a
/// data directory, --path, between --from and --to. Returns what is to be printed on standard
/// output, bytes of an Arrow IPC stream with --format arrow; warnings go to standard error.
/// kInvalidArgument for arguments and files that cannot be meant, with their position.
Result<std::string> BacktestRules(const Arguments& arguments);

}  // namespace tocsin::cli
