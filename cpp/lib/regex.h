/// Regular expressions of RE2 syntax: linear time, no backtracking, safe with hostile patterns.

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::lib {

/// What "." means where the pattern does not say it with (?s).
enum class Dot : uint8_t {
  kAny,        ///< Every character: as Prometheus and Tempo match labels, which may hold newlines.
  kNoNewline,  ///< As Go's regexp.Compile.
};

/// What one replacement may cost.
struct ReplaceBounds {
  size_t bytes_max = std::numeric_limits<size_t>::max();  ///< Of the answer.
  /// Of text that is looked at: any match may have read all that stands behind it, and the
  /// replacement, so many matches in a long text cost the square of its length.
  uint64_t scanned_max = std::numeric_limits<uint64_t>::max();
};

/// A compiled pattern. Cheap to copy; thread-safe.
class Regex {
 public:
  /// kInvalidArgument with RE2's own reason for a bad pattern.
  static Result<Regex> Compile(std::string_view pattern, Dot dot = Dot::kAny);

  /// The whole text matches (anchored at both ends), as PromQL and TraceQL mean it.
  bool FullMatch(std::string_view text) const;
  /// Some part of the text matches.
  bool PartialMatch(std::string_view text) const;
  /// Replaces every match; `$1` and `${name}` in `replacement` name groups, as in Go's
  /// regexp.ReplaceAllString.
  std::string ReplaceAll(std::string_view text, std::string_view replacement) const;
  /// The same within bounds; nullopt beyond them, without having built more. What was scanned is
  /// added to `scanned`.
  std::optional<std::string> ReplaceAll(std::string_view text, std::string_view replacement,
                                        const ReplaceBounds& bounds, uint64_t* scanned) const;

  const std::string& pattern() const;
  /// Instructions that the pattern was compiled to. A match takes at most this many operations for
  /// every byte of the text, and compiling took time in proportion.
  size_t program_size() const;

 private:
  struct Rep;
  std::shared_ptr<const Rep> rep_;
};

}  // namespace tocsin::lib
