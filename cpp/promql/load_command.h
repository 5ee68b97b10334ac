/// The `load` command of test scripts: samples at a fixed distance, from the epoch on.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/promql/memory_source.h"
#include "cpp/promql/series_notation.h"

namespace tocsin::promql {

struct LoadCommand {
  struct Series {
    Labels labels;
    std::vector<TimedValue> values;
  };

  /// `load_with_nhcb`: classic histograms are loaded as native ones with custom bounds as well.
  bool with_custom_buckets = false;
  std::vector<Series> series;
};

/// `lines` are the command (`load 5m`) and the series below it, one a line, each behind the line of
/// its start times if it has one. kInvalidArgument tells of the line in `lines` that is wrong,
/// counted from `first_line`.
Result<LoadCommand> ParseLoad(std::span<const std::string> lines, size_t first_line);

/// Puts the series into the source. kInvalidArgument for classic histograms that are none, and for
/// native ones that no store would take; nothing is loaded then.
Status Load(const LoadCommand& command, MemorySource* source);

/// Runs a script of `load` commands; empty lines end them, and lines with a # in front are
/// comments. kInvalidArgument, with the line, for anything else; nothing is loaded then.
Status LoadScript(std::string_view text, MemorySource* source);

/// The lines of a script: trimmed, comments made empty.
std::vector<std::string> ScriptLines(std::string_view text);

}  // namespace tocsin::promql
