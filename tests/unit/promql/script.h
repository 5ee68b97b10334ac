/// Runs test scripts in the language of Prometheus's promqltest: load, clear, eval, expect.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpp/promql/engine.h"

namespace tocsin::promql {

struct ScriptFailure {
  size_t line = 0;
  std::string text;  ///< The query, what was expected and what came.
};

struct ScriptOutcome {
  size_t evaluations = 0;  ///< Commands that cannot be read or loaded count as one as well.
  std::vector<ScriptFailure> failures;  ///< At most one of each.

  size_t passed() const { return evaluations - failures.size(); }
};

/// Runs every command. As upstream does, an instant evaluation is also run as the middle step of a
/// range query, and with `@` on every selector at other times, and has to come out the same.
ScriptOutcome RunScript(std::string_view text, const EngineOptions& options);

/// The expressions of all eval commands, and whether each is expected to fail.
struct ScriptExpression {
  size_t line = 0;
  std::string text;
  bool fails = false;
};
std::vector<ScriptExpression> ExpressionsOf(std::string_view text);

}  // namespace tocsin::promql
