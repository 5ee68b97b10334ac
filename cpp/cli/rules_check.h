/// `tocsin rules check`: whether rule files can be loaded, as `promtool check rules` tells it.

#pragma once

#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// `arguments.positional` are the files, globs among them; none is standard input. 0: all are good;
/// 1: one is not; 2: the arguments make no sense; 3: with --lint-fatal, rules that stand there
/// twice. With --print-plain nothing is printed but the groups as one plain rule file.
int CheckRules(const Arguments& arguments);

}  // namespace tocsin::cli
