/// The commands of Prometheus's test scripts, read but not run.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/engine.h"
#include "cpp/promql/load_command.h"
#include "cpp/promql/series_notation.h"

namespace tocsin::promql {

/// `expect fail msg: text` and the like.
struct Expectation {
  std::string kind;  ///< fail, warn, info, no_warn, no_info, ordered
  bool is_regex = false;
  std::string text;  ///< Empty: any.

  bool Matches(std::string_view message) const;
};

/// `eval instant at 5m expr` or `eval range from 0 to 10m step 1m expr`, and what is to come out.
struct Evaluation {
  size_t line = 0;
  std::string query;
  bool is_range = false;
  TimeRange range;  ///< Of an instant evaluation start is the time.
  std::vector<Expectation> expectations;
  std::optional<double> scalar;
  std::optional<std::string> string;
  std::optional<TimeRange> range_vector;  ///< The times of a range vector's values.
  std::vector<NotedSeries> series;

  bool Expects(std::string_view kind) const;
};

struct ClearCommand {};

struct ScriptCommand {
  size_t line = 0;
  std::variant<ClearCommand, LoadCommand, Evaluation, Status> what;  ///< Status: it is wrong.
};

std::vector<ScriptCommand> ParseScript(std::string_view text);

}  // namespace tocsin::promql
