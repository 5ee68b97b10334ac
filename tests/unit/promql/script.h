/// Test scripts in the language of Prometheus's promqltest: load, clear, eval, expect.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/promql/engine.h"

namespace tocsin::promql {

struct ScriptOutcome {
  size_t passed = 0;
  size_t skipped = 0;                 ///< Evaluations that need a native histogram.
  std::vector<std::string> failures;  ///< "line 12: what is wrong".
};

/// Runs every command. An instant evaluation is also run as the middle step of a range query, and
/// with `@` on every selector at other times, and has to come out the same.
ScriptOutcome RunScript(std::string_view text, const EngineOptions& options);

/// The expressions of all eval commands, and whether each is expected to fail.
struct ScriptExpression {
  size_t line = 0;
  std::string text;
  bool fails = false;
};
std::vector<ScriptExpression> ExpressionsOf(std::string_view text);

}  // namespace tocsin::promql
