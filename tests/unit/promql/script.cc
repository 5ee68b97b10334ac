#include "tests/unit/promql/script.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/lib/regex.h"
#include "cpp/promql/functions.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/text.h"
#include "tests/unit/promql/fake_source.h"
#include "tests/unit/promql/series_notation.h"

namespace tocsin::promql {
namespace {

constexpr Millis kMinuteMillis = 60'000;

struct Expectation {
  std::string kind;  ///< fail, warn, info, no_warn, no_info, ordered
  bool is_regex = false;
  std::string text;  ///< Empty: any.

  bool Matches(const std::string& message) const {
    if (text.empty()) return true;
    if (!is_regex) return message == text;
    const Result<lib::Regex> regex = lib::Regex::Compile(text);
    return regex.has_value() && regex->PartialMatch(message);
  }
};

struct Evaluation {
  size_t line = 0;
  std::string query;
  bool is_range = false;
  TimeRange range;  ///< Of an instant evaluation start is the time.
  std::vector<Expectation> expectations;
  std::optional<double> scalar;
  std::optional<std::string> string;
  std::optional<TimeRange> range_vector;
  std::vector<NotedSeries> series;

  bool Expects(std::string_view kind) const {
    return std::ranges::any_of(expectations,
                               [kind](const Expectation& e) { return e.kind == kind; });
  }
  bool ExpectsNative() const {
    return std::ranges::any_of(series, [](const NotedSeries& noted) {
      return std::ranges::any_of(noted.points,
                                 [](const Point& p) { return p.kind == Point::Kind::kNative; });
    });
  }
};

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find_first_not_of(" \t\r");
    line = first == std::string_view::npos ? "" : line.substr(first);
    const size_t last = line.find_last_not_of(" \t\r");
    line = last == std::string_view::npos ? "" : line.substr(0, last + 1);
    lines.emplace_back(line.starts_with('#') ? "" : line);
  }
  return lines;
}

Result<Millis> ParseTime(const std::string& text) {
  if (const std::optional<double> seconds = ParseGoFloat(text)) {
    return static_cast<Millis>(*seconds * 1000);
  }
  TOCSIN_ASSIGN_OR_RETURN(const Nanos nanos, ParseDuration(text));
  return nanos / kMillisecond;
}

// 1e-6 relative, as upstream.
bool AlmostEqual(double a, double b) {
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  constexpr double kEpsilon = 1e-6;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kEpsilon * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
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
  return range;
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) : lines_(Lines(text)) {}

  // Calls on_load(gap, with_nhcb, series), on_clear() or on_eval(evaluation) for each command.
  template <class OnLoad, class OnClear, class OnEval>
  Status Run(const OnLoad& on_load, const OnClear& on_clear, const OnEval& on_eval) {
    for (next_ = 0; next_ < lines_.size();) {
      const std::string line = lines_[next_++];
      if (line.empty()) continue;
      std::string_view rest = line;
      const std::string command = TakeWord(&rest);
      if (line == "clear") {
        on_clear();
      } else if (command == "load" || command == "load_with_nhcb") {
        TOCSIN_ASSIGN_OR_RETURN(const Millis gap, ParseTime(TakeWord(&rest)));
        std::vector<NotedSeries> all;
        for (; next_ < lines_.size() && !lines_[next_].empty(); ++next_) {
          TOCSIN_ASSIGN_OR_RETURN(all.emplace_back(), ParseSeriesNotation(lines_[next_]));
        }
        on_load(gap, command == "load_with_nhcb", all);
      } else {
        TOCSIN_ASSIGN_OR_RETURN(Evaluation evaluation, ParseEvaluation(line));
        on_eval(evaluation);
      }
    }
    return Status();
  }

 private:
  Result<Evaluation> ParseEvaluation(const std::string& line) {
    Evaluation evaluation;
    evaluation.line = next_;
    std::string_view rest = line;
    const std::string command = TakeWord(&rest);
    if (command.starts_with("eval_")) {
      evaluation.expectations.push_back({command.substr(5), false, ""});
    } else if (command != "eval") {
      return InvalidArgumentError("not a command: " + line);
    }
    if (TakeIf(&rest, "range")) {
      evaluation.is_range = true;
      TOCSIN_ASSIGN_OR_RETURN(evaluation.range, TakeRange(&rest));
    } else if (TakeIf(&rest, "instant")) {
      if (TakeIf(&rest, "at")) {
        TOCSIN_ASSIGN_OR_RETURN(evaluation.range.start, ParseTime(TakeWord(&rest)));
      }
    } else {
      return InvalidArgumentError("neither instant nor range: " + line);
    }
    evaluation.query = Trim(rest);
    for (; next_ < lines_.size() && !lines_[next_].empty(); ++next_) {
      TOCSIN_RETURN_IF_ERROR(ParseExpected(lines_[next_], &evaluation));
    }
    return evaluation;
  }

  static Status ParseExpected(const std::string& line, Evaluation* evaluation) {
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
    return Status();
  }

  // What stands behind `expect`.
  static Status ParseExpect(std::string_view rest, Evaluation* evaluation) {
    const std::string kind = TakeWord(&rest);
    if (kind == "string") {
      TOCSIN_ASSIGN_OR_RETURN(evaluation->string, UnquoteLiteral(Trim(rest)));
      return Status();
    }
    if (kind == "range" && TakeIf(&rest, "vector")) {
      TOCSIN_ASSIGN_OR_RETURN(evaluation->range_vector, TakeRange(&rest));
      return Status();
    }
    // `msg:text` is legal as well as `msg: text`.
    std::string text = Trim(rest);
    const bool is_regex = text.starts_with("regex:");
    if (!text.empty() && !is_regex && !text.starts_with("msg:")) {
      return InvalidArgumentError("expect what? " + text);
    }
    text.erase(0, std::min(text.find(':'), text.size()) + (text.empty() ? 0 : 1));
    evaluation->expectations.push_back({kind, is_regex, Trim(text)});
    return Status();
  }

  const std::vector<std::string> lines_;
  size_t next_ = 0;
};

// "" if the values agree; else what does not.
std::string CompareSeries(const NotedSeries& expected, const TimeRange& range,
                          const std::vector<Sample>& samples) {
  std::map<Millis, double> actual;
  for (const Sample& sample : samples) actual[sample.t] = sample.v;
  for (size_t i = 0; i < expected.points.size(); ++i) {
    if (expected.points[i].kind == Point::Kind::kBlank) continue;
    const Millis t = range.start + static_cast<Millis>(i) * range.step;
    const auto it = actual.find(t);
    const std::string want = FormatGoFloat(expected.points[i].value);
    if (it == actual.end()) return "no value at " + std::to_string(t) + ", expected " + want;
    if (!AlmostEqual(it->second, expected.points[i].value)) {
      return "at " + std::to_string(t) + " expected " + want + ", got " + FormatGoFloat(it->second);
    }
    actual.erase(it);
  }
  if (actual.empty()) return "";
  return "unexpected value " + FormatGoFloat(actual.begin()->second) + " at " +
         std::to_string(actual.begin()->first);
}

std::string CompareMatrix(const std::vector<NotedSeries>& expected, const TimeRange& range,
                          const std::vector<SeriesData>& actual) {
  if (!std::ranges::is_sorted(actual, {}, &SeriesData::labels)) return "series are not sorted";
  size_t found = 0;
  for (const NotedSeries& want : expected) {
    const bool blank = std::ranges::all_of(
        want.points, [](const Point& p) { return p.kind == Point::Kind::kBlank; });
    if (blank) continue;
    const auto it = std::ranges::find(actual, want.labels, &SeriesData::labels);
    if (it == actual.end()) return "expected series " + want.labels.ToString() + " is missing";
    const std::string difference = CompareSeries(want, range, it->samples);
    if (!difference.empty()) return want.labels.ToString() + ": " + difference;
    ++found;
  }
  if (found == actual.size()) return "";
  for (const SeriesData& data : actual) {
    if (std::ranges::find(expected, data.labels, &NotedSeries::labels) == expected.end()) {
      return "unexpected series " + data.labels.ToString();
    }
  }
  return "a series came twice";
}

std::string CompareVector(const Evaluation& evaluation, const std::vector<VectorSample>& actual) {
  if (actual.size() != evaluation.series.size()) {
    std::string text = "expected " + std::to_string(evaluation.series.size()) + " samples, got " +
                       std::to_string(actual.size());
    for (const VectorSample& sample : actual) {
      text.append("\n      ").append(sample.labels.ToString()).append(" ");
      text.append(FormatGoFloat(sample.sample.v));
    }
    return text;
  }
  for (size_t i = 0; i < evaluation.series.size(); ++i) {
    const NotedSeries& want = evaluation.series[i];
    const auto it = std::ranges::find(actual, want.labels, &VectorSample::labels);
    if (it == actual.end()) return "expected " + want.labels.ToString() + " is missing";
    if (evaluation.Expects("ordered") && it != actual.begin() + static_cast<std::ptrdiff_t>(i)) {
      return want.labels.ToString() + " stands at the wrong place";
    }
    const double value = want.points.empty() ? 0 : want.points.front().value;
    if (want.points.size() != 1) return "an instant vector has one value a series";
    if (!AlmostEqual(it->sample.v, value)) {
      return want.labels.ToString() + ": expected " + FormatGoFloat(value) + ", got " +
             FormatGoFloat(it->sample.v);
    }
  }
  return "";
}

std::string CompareValue(const Evaluation& evaluation, const Value& value) {
  if (evaluation.string) {
    const auto* string = std::get_if<StringValue>(&value);
    return string != nullptr && string->value == *evaluation.string ? "" : "not that string";
  }
  if (evaluation.scalar) {
    const auto* scalar = std::get_if<ScalarValue>(&value);
    if (scalar == nullptr) return "not a scalar";
    return AlmostEqual(scalar->sample.v, *evaluation.scalar)
               ? ""
               : "expected " + FormatGoFloat(*evaluation.scalar) + ", got " +
                     FormatGoFloat(scalar->sample.v);
  }
  if (const auto* matrix = std::get_if<MatrixValue>(&value)) {
    const TimeRange& range = evaluation.range_vector ? *evaluation.range_vector : evaluation.range;
    return CompareMatrix(evaluation.series, range, matrix->series);
  }
  if (const auto* vector = std::get_if<VectorValue>(&value)) {
    return CompareVector(evaluation, vector->samples);
  }
  return "a result of an unexpected type";
}

std::string CompareAnnotations(const Evaluation& evaluation, const std::string& kind,
                               const std::vector<std::string>& actual) {
  if (evaluation.Expects("no_" + kind) && !actual.empty()) {
    return "unexpected " + kind + ": " + actual.front();
  }
  if (!evaluation.Expects(kind)) return "";
  const auto matches = [&kind](const Expectation& e, const std::string& message) {
    return e.kind == kind && e.Matches(message);
  };
  for (const Expectation& expectation : evaluation.expectations) {
    if (expectation.kind != kind) continue;
    if (std::ranges::none_of(actual, [&](const auto& m) { return matches(expectation, m); })) {
      return "expected " + kind + " " + expectation.text +
             (actual.empty() ? ", got none" : ", got " + actual.front());
    }
  }
  for (const std::string& message : actual) {
    if (std::ranges::none_of(evaluation.expectations,
                             [&](const Expectation& e) { return matches(e, message); })) {
      return "unexpected " + kind + ": " + message;
    }
  }
  return "";
}

class ScriptRunner {
 public:
  explicit ScriptRunner(const EngineOptions& options) : engine_(options) {}

  ScriptOutcome Run(std::string_view text) {
    const auto load = [this](Millis gap, bool with_nhcb, const std::vector<NotedSeries>& all) {
      for (const NotedSeries& series : all) Load(gap, with_nhcb, series);
    };
    const auto eval = [this](const Evaluation& evaluation) { Evaluate(evaluation); };
    const Status status = ScriptParser(text).Run(load, [this] { source_.Clear(); }, eval);
    if (!status.ok()) outcome_.failures.emplace_back(status.message());
    return outcome_;
  }

 private:
  void Load(Millis gap, bool with_nhcb, const NotedSeries& noted) {
    FakeSource::Series series;
    for (size_t i = 0; i < noted.points.size(); ++i) {
      const Millis t = static_cast<Millis>(i) * gap;
      if (noted.points[i].kind == Point::Kind::kFloat) series.samples[t] = noted.points[i].value;
      if (noted.points[i].kind == Point::Kind::kNative) series.native.push_back(t);
    }
    if (const std::string_view name = noted.labels.metric_name();
        with_nhcb && name.ends_with("_bucket")) {
      Labels labels = noted.labels;
      labels.Set(kMetricName, name.substr(0, name.size() - 7));
      labels.Remove("le");
      std::vector<Millis>& native = source_[labels].native;
      for (const auto& [t, value] : series.samples) native.push_back(t);
    }
    source_[noted.labels] = std::move(series);
  }

  void Evaluate(const Evaluation& evaluation) {
    source_.touched_native = false;
    const Result<QueryResult> result =
        evaluation.is_range ? engine_.QueryRange(evaluation.query, source_, evaluation.range)
                            : engine_.Query(evaluation.query, source_, evaluation.range.start);
    if (source_.touched_native || evaluation.ExpectsNative()) {
      ++outcome_.skipped;
      return;
    }
    std::string difference = Compare(evaluation, result);
    if (difference.empty() && !evaluation.is_range) difference = CompareAsRange(evaluation);
    if (difference.empty() && !evaluation.is_range) difference = ComparePinned(evaluation);
    if (difference.empty()) {
      ++outcome_.passed;
      return;
    }
    outcome_.failures.push_back("line " + std::to_string(evaluation.line) + ": " +
                                evaluation.query + "\n    " + difference);
  }

  static std::string Compare(const Evaluation& evaluation, const Result<QueryResult>& result) {
    if (evaluation.Expects("fail")) {
      if (result.has_value()) return "expected to fail";
      const std::string message(result.error().message());
      for (const Expectation& expectation : evaluation.expectations) {
        if (expectation.kind == "fail" && !expectation.Matches(message)) {
          return "failed with: " + message;
        }
      }
      return "";
    }
    if (!result.has_value()) return "failed: " + std::string(result.error().message());
    std::string difference = CompareAnnotations(evaluation, "warn", result->warnings);
    if (difference.empty()) difference = CompareAnnotations(evaluation, "info", result->infos);
    return difference.empty() ? CompareValue(evaluation, result->value) : difference;
  }

  // An instant vector must be what a range query has at that time.
  std::string CompareAsRange(const Evaluation& evaluation) {
    const bool applies = !evaluation.Expects("fail") && !evaluation.Expects("ordered") &&
                         !evaluation.scalar && !evaluation.string && !evaluation.range_vector;
    if (!applies) return "";
    const Millis t = evaluation.range.start;
    const Result<QueryResult> result = engine_.QueryRange(
        evaluation.query, source_, {t - kMinuteMillis, t + kMinuteMillis, kMinuteMillis});
    if (source_.touched_native) return "";
    if (!result.has_value()) {
      // At the other steps it may fail.
      const bool fails = result.error().code() == StatusCode::kFailedPrecondition;
      return fails ? "" : "as a range query: " + std::string(result.error().message());
    }
    Value middle = VectorValue();
    for (const SeriesData& series : std::get<MatrixValue>(result->value).series) {
      for (const Sample& sample : series.samples) {
        if (sample.t == t) std::get<VectorValue>(middle).samples.push_back({series.labels, sample});
      }
    }
    const std::string difference = CompareValue(evaluation, middle);
    return difference.empty() ? "" : "as a range query: " + difference;
  }

  // With @ on its selectors, the time of evaluation does not matter.
  std::string ComparePinned(const Evaluation& evaluation) {
    Result<Expr> expr = Parse(evaluation.query, ParserOptions::Everything());
    if (evaluation.Expects("fail") || !expr.has_value()) return "";
    if (!Pin(&*expr, evaluation.range.start)) return "";
    const std::string query = ToString(*expr);
    for (const Millis distance : {Millis{0}, Millis{-3'600'000}, Millis{86'400'000}}) {
      const Result<QueryResult> result =
          engine_.Query(query, source_, evaluation.range.start + distance);
      if (source_.touched_native) return "";
      if (!result.has_value()) return query + ": " + std::string(result.error().message());
      const std::string difference = CompareValue(evaluation, result->value);
      if (!difference.empty()) return query + ": " + difference;
    }
    return "";
  }

  // False if something in the expression depends on the time of evaluation all the same.
  static bool Pin(Expr* expr, Millis t) {
    const auto pin = [t](TimeShift* shift) {
      if (shift->at == TimeShift::At::kNone) {
        shift->at = TimeShift::At::kTimestamp;
        shift->timestamp = t;
      }
      return shift->at == TimeShift::At::kTimestamp;
    };
    if (auto* selector = std::get_if<VectorSelector>(&expr->node)) return pin(&selector->shift);
    if (auto* matrix = std::get_if<MatrixSelector>(&expr->node)) {
      return pin(&matrix->selector.shift);
    }
    if (auto* subquery = std::get_if<Subquery>(&expr->node)) return pin(&subquery->shift);
    if (auto* paren = std::get_if<Paren>(&expr->node)) return Pin(&*paren->expr, t);
    if (auto* unary = std::get_if<Unary>(&expr->node)) return Pin(&*unary->expr, t);
    if (auto* binary = std::get_if<Binary>(&expr->node)) {
      return Pin(&*binary->lhs, t) && Pin(&*binary->rhs, t);
    }
    if (auto* aggregate = std::get_if<Aggregate>(&expr->node)) {
      return (!aggregate->param || Pin(&**aggregate->param, t)) && Pin(&*aggregate->expr, t);
    }
    if (auto* call = std::get_if<Call>(&expr->node)) {
      for (Expr& arg : call->args) {
        if (!Pin(&arg, t)) return false;
      }
    }
    return IsStepInvariantForTest(*expr);
  }

  // Of what Pin() has been through: the functions that look at the clock.
  static bool IsStepInvariantForTest(const Expr& expr) {
    static const std::vector<std::string_view> kTimed = {
        "time",         "timestamp",   "minute",      "hour",          "month",          "year",
        "day_of_month", "day_of_week", "day_of_year", "days_in_month", "predict_linear", "info",
        "start",        "end",         "range",       "step"};
    const auto* call = expr.As<Call>();
    return call == nullptr || std::ranges::find(kTimed, call->function->name) == kTimed.end();
  }

  const Engine engine_;
  FakeSource source_;
  ScriptOutcome outcome_;
};

}  // namespace

ScriptOutcome RunScript(std::string_view text, const EngineOptions& options) {
  return ScriptRunner(options).Run(text);
}

std::vector<ScriptExpression> ExpressionsOf(std::string_view text) {
  std::vector<ScriptExpression> expressions;
  const auto load = [](Millis, bool, const std::vector<NotedSeries>&) {};
  const auto eval = [&expressions](const Evaluation& evaluation) {
    expressions.push_back({evaluation.line, evaluation.query, evaluation.Expects("fail")});
  };
  const Status status = ScriptParser(text).Run(load, [] {}, eval);
  if (!status.ok()) expressions.push_back({0, std::string(status.message()), false});
  return expressions;
}

}  // namespace tocsin::promql
