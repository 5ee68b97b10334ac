/// What one expansion of a template has cost so far: steps, and the memory of the values that it
/// holds. Steps stand for time: a node is one, and so is a KiB of text that is looked at, and
/// functions that take longer charge themselves.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/lib/regex.h"
#include "cpp/template/value.h"

namespace tocsin::tmpl {

/// What one expansion may cost. Beyond it the expansion fails with kResourceExhausted.
struct Limits {
  size_t bytes_max = size_t{1} << 20;    ///< Of the output, and of any text on the way.
  size_t memory_max = size_t{64} << 20;  ///< Of the values that live at one time.
  uint64_t steps_max = 1'000'000;        ///< Evaluated nodes, KiB of text, and what functions do.
  int templates_depth_max = 200;         ///< Of templates that expand templates.
  int values_depth_max = 64;             ///< Of lists of lists and the like.
};

/// Of one expansion. Not thread-safe. The values that it has taken must not outlive it.
class Work {
 public:
  explicit Work(const Limits& limits) : limits_(limits) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  const Limits& limits() const { return limits_; }
  uint64_t steps_left() const { return limits_.steps_max - std::min(steps_, limits_.steps_max); }

  /// kResourceExhausted once there were more steps than allowed. To be asked before the steps are
  /// taken, if their number is known.
  Status Spend(uint64_t steps);

  /// Takes what a function gave: its memory is held for as long as anything shares it.
  /// kResourceExhausted if the value is a text that is too long, or nested too deeply, or if there
  /// is too much of it.
  Status Take(Value* value);

  /// Memory that is no value's. It is free again when what this returns is gone.
  Result<std::shared_ptr<const void>> Hold(size_t bytes);

  /// The pattern as Go's regexp.Compile reads it. The last ones are kept.
  Result<lib::Regex> Compile(std::string_view pattern);

 private:
  class Held;

  const Limits limits_;
  uint64_t steps_ = 0;
  size_t held_bytes_ = 0;
  std::vector<lib::Regex> patterns_;  ///< The latest last.
};

}  // namespace tocsin::tmpl
