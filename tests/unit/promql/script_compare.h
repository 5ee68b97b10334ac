/// Whether what came out of an evaluation is what the script expects.

#pragma once

#include <string>

#include "cpp/promql/value.h"
#include "tests/unit/promql/script_commands.h"

namespace tocsin::promql {

/// "" if result and annotations (or the failure) are as expected, else what was expected and what
/// came. Numbers may differ by 1e-6, as upstream allows.
std::string Compare(const Evaluation& evaluation, const Result<QueryResult>& result);

/// The value alone.
std::string CompareValue(const Evaluation& evaluation, const Value& value);

}  // namespace tocsin::promql
