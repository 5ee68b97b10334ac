/// Relabelling as Prometheus does it: rules that keep, drop and rewrite label sets. For targets,
/// scraped samples, what is written remotely, alerts and Alertmanagers.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin::relabel {

enum class Action : uint8_t {
  kReplace,
  kKeep,
  kDrop,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
  kKeepEqual,
  kDropEqual,
};

/// "replace", "keepequal"...
std::string_view ActionName(Action action);
/// Of either case. kInvalidArgument: there is none of that name.
Result<Action> ParseAction(std::string_view name);

inline constexpr std::string_view kDefaultSeparator = ";";
inline constexpr std::string_view kDefaultRegex = "(.*)";
inline constexpr std::string_view kDefaultReplacement = "$1";

/// One entry of `relabel_configs` and its like, as it is written.
struct Rule {
  std::vector<std::string> source_labels = {};  ///< Their values are joined by `separator`.
  std::string separator = std::string(kDefaultSeparator);
  /// RE2, matched against the whole of the joined values (or of each label name).
  std::string regex = std::string(kDefaultRegex);
  uint64_t modulus = 0;           ///< kHashMod only, and there not 0.
  std::string target_label = {};  ///< `$1`, `${1}` and `${name}` are expanded for kReplace.
  std::string replacement = std::string(kDefaultReplacement);  ///< The same; also kLabelMap.
  Action action = Action::kReplace;

  friend bool operator==(const Rule&, const Rule&) = default;
};

/// Checked and compiled rules. Cheap to copy, never changed; thread-safe.
class Rules {
 public:
  Rules() = default;

  /// Label names are UTF-8 texts, as Prometheus 3 has them by default. kInvalidArgument with what
  /// Prometheus says, if a rule can not be: "relabel configuration for hashmod requires non-zero
  /// modulus".
  static Result<Rules> Compile(std::vector<Rule> rules);

  /// Applies the rules in their order. False if one of them drops the label set, which is then as
  /// the rules before it have left it.
  bool Apply(Labels* labels) const;
  /// Applies only the rule at `index`; for showing steps. REQUIRES: index < rules().size().
  bool ApplyOne(size_t index, Labels* labels) const;

  bool empty() const { return rules().empty(); }
  const std::vector<Rule>& rules() const;

  friend bool operator==(const Rules& a, const Rules& b) { return a.rules() == b.rules(); }

 private:
  struct Rep;
  std::shared_ptr<const Rep> rep_;  // Null: no rules.
};

}  // namespace tocsin::relabel
