#include "cpp/routing/matcher.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cpp/base/exposition_text.h"
#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"
#include "cpp/routing/matcher_syntax.h"

namespace tocsin::routing {
namespace {

std::string Join(std::span<const Matcher> matchers) {
  std::string out;
  for (const Matcher& matcher : matchers) {
    if (!out.empty()) out.push_back(',');
    out.append(matcher.ToString());
  }
  return out;
}

Result<lib::Regex> CompileAnchored(std::string_view pattern) {
  // As Go compiles it: a dot is no line feed, and what closes the group by itself counts as there.
  Result<lib::Regex> regex = lib::Regex::Compile("(?-s)^(?:" + std::string(pattern) + ")$");
  if (regex.has_value()) return regex;
  Result<lib::Regex> alone = lib::Regex::Compile(pattern);
  return alone.has_value() ? regex : alone;  // The message shows what was written, if it can.
}

}  // namespace

Result<Matcher> Matcher::Make(Op op, std::string_view name, std::string_view value) {
  if (name.empty() || !IsValidUtf8(name)) {
    return InvalidArgumentError("invalid label name " + QuoteGo(name));
  }
  if (!IsValidUtf8(value)) return InvalidArgumentError("invalid label value " + QuoteGo(value));
  Matcher matcher;
  matcher.op = op;
  matcher.name = name;
  matcher.value = value;
  if (op == Op::kRegex || op == Op::kNotRegex) {
    TOCSIN_ASSIGN_OR_RETURN(matcher.regex, CompileAnchored(value));
  }
  return matcher;
}

bool Matcher::MatchesValue(std::string_view label_value) const {
  switch (op) {
    case Op::kEqual:
      return label_value == value;
    case Op::kNotEqual:
      return label_value != value;
    case Op::kRegex:
      return regex->PartialMatch(label_value);
    case Op::kNotRegex:
      return !regex->PartialMatch(label_value);
  }
  return false;
}

std::string Matcher::ToString() const {
  const std::string_view operation = OperatorText(op);
  if (HasReserved(name)) return QuoteGo(name).append(operation).append(QuoteGo(value));
  // As OpenMetrics does it, for names that the older syntax could read.
  std::string out = name;
  out.append(operation);
  AppendQuoted(value, &out);
  return out;
}

std::string_view OperatorText(Matcher::Op op) {
  switch (op) {
    case Matcher::Op::kEqual:
      return "=";
    case Matcher::Op::kNotEqual:
      return "!=";
    case Matcher::Op::kRegex:
      return "=~";
    case Matcher::Op::kNotRegex:
      return "!~";
  }
  return {};
}

Result<ParsedMatchers> ParseMatchersWithWarning(std::string_view text) {
  Result<Matchers> now = ParseUtf8Matchers(text);
  Result<Matchers> before = ParseClassicMatchers(text);
  if (!before.has_value()) {
    if (!now.has_value()) return Failure(now.error());
    return ParsedMatchers{*std::move(now), {}};
  }
  if (now.has_value() && *now == *before) return ParsedMatchers{*std::move(now), {}};
  std::string warning = QuoteGo(text);
  if (now.has_value()) {
    warning.append(" means something else since Alertmanager 0.27 than before, and is read as ")
        .append("before; say what is meant: ");
  } else {
    warning.append(" is written in the syntax before Alertmanager 0.27 (")
        .append(now.error().message())
        .append("); today it is written ");
  }
  warning.append(Join(*before));
  return ParsedMatchers{*std::move(before), std::move(warning)};
}

Result<Matchers> ParseMatchers(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(ParsedMatchers parsed, ParseMatchersWithWarning(text));
  return std::move(parsed.matchers);
}

Result<Matcher> ParseMatcher(std::string_view text) {
  if (text.starts_with('{') || text.ends_with('}')) {
    return InvalidArgumentError("unexpected open or close brace: " + std::string(text));
  }
  const Result<Matchers> now = ParseUtf8Matchers(text);
  const Result<Matcher> before = ParseClassicMatcher(text);
  if (before.has_value()) return before;
  if (!now.has_value()) return Failure(now.error());
  if (now->size() == 1) return now->front();
  return InvalidArgumentError("expected 1 matcher, found " + std::to_string(now->size()));
}

void SortMatchers(Matchers* matchers) {
  std::ranges::stable_sort(*matchers, [](const Matcher& a, const Matcher& b) {
    return std::tie(a.name, a.value, a.op) < std::tie(b.name, b.value, b.op);
  });
}

std::string ToString(std::span<const Matcher> matchers) { return "{" + Join(matchers) + "}"; }

bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels) {
  return std::ranges::all_of(matchers,
                             [&](const Matcher& matcher) { return matcher.Matches(labels); });
}

}  // namespace tocsin::routing
