/// `tocsin rules backtest`: when rules would have fired.

#pragma once

#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// Evaluates the rule files in `arguments.positional` over a data directory, --path, between --from
/// and --to, and prints what --format says: table, csv, json or an Arrow IPC stream; warnings go to
/// standard error. Returns the exit code: 0 whether anything fired or not, 2 for arguments and
/// rule files that cannot be meant, 1 for what else failed.
int BacktestRules(const Arguments& arguments);

}  // namespace tocsin::cli
