/// Regular expressions of RE2 syntax: linear time, no backtracking, safe with hostile patterns.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::lib {

/// A compiled pattern. Cheap to copy; thread-safe.
class Regex {
 public:
  /// kInvalidArgument with RE2's own reason for a bad pattern.
  static Result<Regex> Compile(std::string_view pattern);

  /// The whole text matches (anchored at both ends), as PromQL and TraceQL mean it.
  bool FullMatch(std::string_view text) const;
  /// Some part of the text matches.
  bool PartialMatch(std::string_view text) const;
  /// Replaces every match; `$1` and `${name}` in `replacement` name groups, as in Go's
  /// regexp.ReplaceAllString.
  std::string ReplaceAll(std::string_view text, std::string_view replacement) const;

  const std::string& pattern() const;

 private:
  struct Rep;
  std::shared_ptr<const Rep> rep_;
};

}  // namespace tocsin::lib
