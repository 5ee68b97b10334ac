/// Label matchers as Alertmanager's configuration, its API and amtool write them.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/lib/regex.h"
#include "cpp/model/labels.h"

namespace tocsin::routing {

/// One matcher. Labels without the name are matched as if it were "". A pattern matches the whole
/// value. Immutable once made, cheap to copy.
struct Matcher {
  enum class Op : uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

  /// kInvalidArgument for a name that is empty or no UTF-8, for a value that is no UTF-8, and for a
  /// bad pattern of kRegex or kNotRegex.
  static Result<Matcher> Make(Op op, std::string_view name, std::string_view value);

  bool Matches(const Labels& labels) const { return MatchesValue(labels.Get(name)); }
  bool MatchesValue(std::string_view label_value) const;

  /// `name="value"` with the operator and the quotes that Alertmanager prints; a name that is not
  /// plain is quoted too.
  std::string ToString() const;

  /// What it says, not whether it matches the same.
  friend bool operator==(const Matcher& a, const Matcher& b) {
    return a.op == b.op && a.name == b.name && a.value == b.value;
  }

  Op op = Op::kEqual;
  std::string name;
  std::string value;
  std::optional<lib::Regex> regex;  ///< Set for kRegex and kNotRegex.
};

/// "=", "!=", "=~" or "!~".
std::string_view OperatorText(Matcher::Op op);

using Matchers = std::vector<Matcher>;

/// Matchers, and what their author should know about how they were read; "" for nothing.
struct ParsedMatchers {
  Matchers matchers;
  std::string warning;
};

/// Parses `foo="bar"`, `foo=~bar.*`, `{a="b", "c d"!="e"}`: any number, separated by commas, braces
/// optional, values quoted or bare, names UTF-8 if quoted. What this syntax does not take, or reads
/// otherwise than Alertmanager did before 0.27, is read as it did then (values with reserved
/// characters, single backslashes), with a warning. kInvalidArgument "column 5: ...", counted in
/// bytes from 1, if neither syntax takes it.
Result<ParsedMatchers> ParseMatchersWithWarning(std::string_view text);
/// The same, for which nobody is to be warned.
Result<Matchers> ParseMatchers(std::string_view text);
/// Exactly one, without braces, as a `filter` of the API has it.
Result<Matcher> ParseMatcher(std::string_view text);

/// By name, value, operator: the order in which Alertmanager prints those of a route.
void SortMatchers(Matchers* matchers);

/// `{a="b",c=~"d"}`.
std::string ToString(std::span<const Matcher> matchers);

/// All match; true for none.
bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels);

}  // namespace tocsin::routing
