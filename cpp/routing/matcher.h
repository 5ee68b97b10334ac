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

  /// kInvalidArgument for an empty name or a bad pattern of kRegex or kNotRegex.
  static Result<Matcher> Make(Op op, std::string_view name, std::string_view value);

  bool Matches(const Labels& labels) const;

  /// `name="value"` with the operator and the quotes that Alertmanager prints; a name that is not
  /// plain is quoted too.
  std::string ToString() const;

  Op op = Op::kEqual;
  std::string name;
  std::string value;
  std::optional<lib::Regex> regex;  ///< Set for kRegex and kNotRegex.
};

using Matchers = std::vector<Matcher>;

/// Parses `foo="bar"`, `foo=~bar.*`, `{a="b", "c d"!="e"}`: one or more, separated by commas,
/// braces optional, values quoted or bare, names UTF-8 if quoted. kInvalidArgument: "column 5:
/// ...", counted in bytes from 1.
Result<Matchers> ParseMatchers(std::string_view text);

/// All match; true for none.
bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels);

}  // namespace tocsin::routing
