/// How well names fit what somebody has typed so far, as Prometheus's search scores it.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::api {

struct NameMatchOptions {
  enum class Algorithm : uint8_t {
    /// All characters of a term are in the name, in their order; runs of them count more, gaps
    /// less.
    kSubsequence,
    /// The term is in the name, the earlier the better; or, with a threshold above 0, both are
    /// similar by Jaro and Winkler.
    kJaroWinkler,
  };
  Algorithm algorithm = Algorithm::kSubsequence;
  double threshold = 0;  ///< Scores below it do not fit; in [0, 1].
  bool case_sensitive = true;
};

/// Immutable, thread-safe. Characters are code points. The cost of a name is at most its length
/// times the length of the terms together (subsequences: for every place where one begins).
class NameMatch {
 public:
  /// Empty terms say nothing; without any other every name fits.
  NameMatch(std::span<const std::string_view> terms, NameMatchOptions options);

  /// The best score among the terms, in (0, 1], 1 for a name that begins with one; nullopt if the
  /// name fits none of them. The name is at most as long as 2^31.
  std::optional<double> Score(std::string_view name) const;

 private:
  std::optional<double> ScoreOf(std::u32string_view term, std::u32string_view name) const;

  const NameMatchOptions options_;
  std::vector<std::u32string> terms_;
};

}  // namespace tocsin::api
