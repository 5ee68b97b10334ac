/// `tocsin rules test`: unit tests of rules, as `promtool test rules` runs them.

#pragma once

#include "cpp/cli/arguments.h"

namespace tocsin::cli {

/// `arguments.positional` are the test files. 0: all tests pass; 1: one fails, or a file cannot be
/// read; 2: the arguments make no sense.
int TestRules(const Arguments& arguments);

}  // namespace tocsin::cli
