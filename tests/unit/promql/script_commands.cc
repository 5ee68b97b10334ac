#include "tests/unit/promql/script_commands.h"

#include <algorithm>
#include <span>
#include <utility>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/lib/regex.h"

namespace tocsin::promql {
namespace {

Result<Millis> ParseTime(const std::string& text) {
  if (const std::optional<double> seconds = ParseGoFloat(text)) {
    return static_cast<Millis>(*seconds * 1000);
  }
  TOCSIN_ASSIGN_OR_RETURN(const Nanos nanos, ParseDuration(text));
  return nanos / kMillisecond;
}

std::string Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

// The word at the front of `rest`, and `rest` behind it.
std::string TakeWord(std::string_view* rest) {
  const size_t first = std::min(rest->find_first_not_of(" \t"), rest->size());
  const size_t end = std::min(rest->find_first_of(" \t", first), rest->size());
  std::string word(rest->substr(first, end - first));
  rest->remove_prefix(end);
  return word;
}

// Takes `word` from the front if it stands there.
bool TakeIf(std::string_view* rest, std::string_view word) {
  std::string_view after = *rest;
  if (TakeWord(&after) != word) return false;
  *rest = after;
  return true;
}

// `from 0 to 10m step 1m`
Result<TimeRange> TakeRange(std::string_view* rest) {
  TimeRange range;
  for (auto [word, target] : {std::pair{"from", &range.start}, std::pair{"to", &range.end},
                              std::pair{"step", &range.step}}) {
    if (!TakeIf(rest, word)) return InvalidArgumentError("no range: " + std::string(*rest));
    TOCSIN_ASSIGN_OR_RETURN(*target, ParseTime(TakeWord(rest)));
  }
  if (range.end < range.start) return InvalidArgumentError("the range ends before it starts");
  return range;
}

// What stands behind `expect`.
Status ParseExpect(std::string_view rest, Evaluation* evaluation) {
  const std::string kind = TakeWord(&rest);
  if (kind == "string") {
    TOCSIN_ASSIGN_OR_RETURN(evaluation->string, UnquoteGo(Trim(rest)));
    return Status();
  }
  if (kind == "range" && TakeIf(&rest, "vector")) {
    TOCSIN_ASSIGN_OR_RETURN(evaluation->range_vector, TakeRange(&rest));
    return Status();
  }
  static const std::vector<std::string_view> kKinds = {"fail",    "warn", "no_warn",
                                                       "no_info", "info", "ordered"};
  if (std::ranges::find(kKinds, kind) == kKinds.end()) {
    return InvalidArgumentError("invalid expected error/annotation type " + kind);
  }
  Expectation expectation{kind, false, ""};
  std::string text = Trim(rest);
  if (!text.empty()) {  // `msg:text` is legal as well as `msg: text`.
    expectation.is_regex = text.starts_with("regex:");
    if (!expectation.is_regex && !text.starts_with("msg:")) {
      return InvalidArgumentError("invalid token after expect " + kind + ": " + text);
    }
    expectation.text = Trim(std::string_view(text).substr(text.find(':') + 1));
  }
  if (expectation.is_regex) {
    const Result<lib::Regex> regex = lib::Regex::Compile(expectation.text);
    if (!regex.has_value()) return Status(regex.error());
  }
  if (kind == "fail" && evaluation->Expects("fail")) {
    return InvalidArgumentError("invalid expect lines, multiple expect fail lines are not allowed");
  }
  evaluation->expectations.push_back(std::move(expectation));
  for (const std::string each : {"warn", "info"}) {
    if (evaluation->Expects(each) && evaluation->Expects("no_" + each)) {
      return InvalidArgumentError("invalid expect lines, " + each + " and no_" + each +
                                  " cannot be used together");
    }
  }
  return Status();
}

Status ParseExpected(const std::string& line, Evaluation* evaluation) {
  std::string_view rest = line;
  const std::string first = TakeWord(&rest);
  if (first == "expected_fail_message" || first == "expected_fail_regexp") {
    evaluation->expectations.push_back({"fail", first.ends_with("regexp"), Trim(rest)});
    return Status();
  }
  if (first == "expect") return ParseExpect(rest, evaluation);
  if (const std::optional<double> scalar = ParseGoFloat(line)) {
    evaluation->scalar = scalar;
    return Status();
  }
  TOCSIN_ASSIGN_OR_RETURN(evaluation->series.emplace_back(), ParseSeriesNotation(line));
  if (evaluation->is_range || evaluation->range_vector) return Status();
  if (evaluation->series.back().values.size() == 1) return Status();
  return InvalidArgumentError("an instant evaluation has one value a series");
}

// `lines` are the command and what belongs to it.
Result<Evaluation> ParseEvaluation(std::span<const std::string> lines, size_t first_line) {
  Evaluation evaluation;
  evaluation.line = first_line;
  std::string_view rest = lines.front();
  const std::string command = TakeWord(&rest);
  if (command.starts_with("eval_")) {
    evaluation.expectations.push_back({command.substr(5), false, ""});
  } else if (command != "eval") {
    return InvalidArgumentError("invalid command: " + lines.front());
  }
  if (TakeIf(&rest, "range")) {
    evaluation.is_range = true;
    TOCSIN_ASSIGN_OR_RETURN(evaluation.range, TakeRange(&rest));
  } else if (TakeIf(&rest, "instant")) {
    if (TakeIf(&rest, "at")) {
      TOCSIN_ASSIGN_OR_RETURN(evaluation.range.start, ParseTime(TakeWord(&rest)));
    }
  } else {
    return InvalidArgumentError("neither instant nor range: " + lines.front());
  }
  evaluation.query = Trim(rest);
  for (size_t i = 1; i < lines.size(); ++i) {
    const Status status = ParseExpected(lines[i], &evaluation);
    if (!status.ok()) return Failure(status.WithContext("line " + std::to_string(first_line + i)));
  }
  return evaluation;
}

template <class T>
ScriptCommand CommandOf(size_t line, Result<T> result) {
  if (!result.has_value()) return {line, result.error()};
  return {line, *std::move(result)};
}

}  // namespace

bool Expectation::Matches(std::string_view message) const {
  if (text.empty()) return true;
  if (!is_regex) return message == text;
  const Result<lib::Regex> regex = lib::Regex::Compile(text);
  return regex.has_value() && regex->PartialMatch(message);
}

bool Evaluation::Expects(std::string_view kind) const {
  return std::ranges::any_of(expectations, [kind](const Expectation& e) { return e.kind == kind; });
}

std::vector<ScriptCommand> ParseScript(std::string_view text) {
  const std::vector<std::string> lines = ScriptLines(text);
  std::vector<ScriptCommand> commands;
  for (size_t begin = 0; begin < lines.size();) {
    size_t end = begin + 1;
    if (lines[begin] == "clear") {
      commands.push_back({begin + 1, ClearCommand()});
    } else if (!lines[begin].empty()) {
      while (end < lines.size() && !lines[end].empty()) ++end;
      const auto block = std::span(lines).subspan(begin, end - begin);
      commands.push_back(lines[begin].starts_with("load")
                             ? CommandOf(begin + 1, ParseLoad(block, begin + 1))
                             : CommandOf(begin + 1, ParseEvaluation(block, begin + 1)));
    }
    begin = end;
  }
  return commands;
}

}  // namespace tocsin::promql
