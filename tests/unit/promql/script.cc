#include "tests/unit/promql/script.h"

#include <algorithm>
#include <utility>

#include "cpp/promql/functions.h"
#include "cpp/promql/memory_source.h"
#include "cpp/promql/parser.h"
#include "tests/unit/promql/script_commands.h"
#include "tests/unit/promql/script_compare.h"

namespace tocsin::promql {
namespace {

constexpr Millis kMinuteMillis = 60'000;

// A function that depends on the time and the range of the query.
bool LooksAtTheQuery(std::string_view query) {
  for (const std::string_view call : {"start()", "end()", "range()", "step()"}) {
    if (query.find(call) != std::string_view::npos) return true;
  }
  return false;
}

class ScriptRunner {
 public:
  explicit ScriptRunner(const EngineOptions& options) : engine_(options) {}

  ScriptOutcome Run(std::string_view text) {
    for (const ScriptCommand& command : ParseScript(text)) {
      if (std::holds_alternative<ClearCommand>(command.what)) source_.Clear();
      if (const auto* load = std::get_if<LoadCommand>(&command.what)) {
        const Status status = Load(*load, &source_);
        if (!status.ok()) Note(command.line, "load: " + std::string(status.message()));
      }
      if (const auto* evaluation = std::get_if<Evaluation>(&command.what)) {
        Note(command.line, Evaluate(*evaluation));
      }
      if (const auto* status = std::get_if<Status>(&command.what)) {
        Note(command.line, std::string(status->message()));
      }
    }
    return std::move(outcome_);
  }

 private:
  // `difference` is "" if all is well.
  void Note(size_t line, const std::string& difference) {
    ++outcome_.evaluations;
    if (!difference.empty()) outcome_.failures.push_back({line, difference});
  }

  std::string Evaluate(const Evaluation& evaluation) const {
    if (evaluation.is_range) {
      const std::string difference =
          Compare(evaluation, engine_.QueryRange(evaluation.query, source_, evaluation.range));
      return difference.empty() ? "" : evaluation.query + ": " + difference;
    }
    const Millis t =
        evaluation.range_vector ? evaluation.range_vector->end : evaluation.range.start;
    std::string difference = EvaluateAt(evaluation, evaluation.query, t);
    if (!difference.empty()) return difference;
    // With @ on its selectors, the time of evaluation does not matter.
    Result<Expr> expr = Parse(evaluation.query, engine_.options().parser);
    if (!expr.has_value() || !Pin(&*expr, t)) return "";
    std::vector<Millis> times = {-10 * t, 0, t / 5, t, 10 * t};
    if (t == 0) times = {-1000, 0, 1000};
    for (const Millis other : times) {
      difference = EvaluateAt(evaluation, ToString(*expr), other);
      if (!difference.empty()) return difference;
    }
    return "";
  }

  std::string EvaluateAt(const Evaluation& evaluation, const std::string& query, Millis t) const {
    const std::string where = query + " at " + std::to_string(t) + " ms";
    const Result<QueryResult> result = engine_.Query(query, source_, t);
    std::string difference = Compare(evaluation, result);
    if (!difference.empty()) return where + ": " + difference;
    difference = EvaluateAsRange(evaluation, query, t);
    return difference.empty() ? "" : where + " as a range query: " + difference;
  }

  // An instant vector must be what a range query has at that time.
  std::string EvaluateAsRange(const Evaluation& evaluation, const std::string& query,
                              Millis t) const {
    if (evaluation.Expects("fail") || evaluation.string || evaluation.range_vector) return "";
    if (LooksAtTheQuery(query)) return "";
    const Result<QueryResult> result =
        engine_.QueryRange(query, source_, {t - kMinuteMillis, t + kMinuteMillis, kMinuteMillis});
    if (!result.has_value()) return "got the failure " + std::string(result.error().message());
    if (evaluation.Expects("ordered")) return "";
    VectorValue middle;
    for (const SeriesData& series : std::get<MatrixValue>(result->value).series) {
      for (const Sample& sample : series.samples) {
        if (sample.t == t) middle.samples.push_back({series.labels, sample});
      }
      for (const HistogramSample& sample : series.histograms) {
        if (sample.t == t) middle.samples.push_back({series.labels, {t, 0}, sample.histogram});
      }
    }
    if (!evaluation.scalar) return CompareValue(evaluation, middle);
    if (middle.samples.size() != 1) return "expected one value, got none";
    return CompareValue(evaluation, ScalarValue{middle.samples.front().sample});
  }

  // False if something in the expression depends on the time of evaluation all the same.
  static bool Pin(Expr* expr, Millis t) {
    const auto pin = [t](TimeShift* shift) {
      if (shift->at != TimeShift::At::kTimestamp) {  // start() and end() are t as well.
        shift->at = TimeShift::At::kTimestamp;
        shift->timestamp = t;
      }
      return true;
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
  MemorySource source_;
  ScriptOutcome outcome_;
};

}  // namespace

ScriptOutcome RunScript(std::string_view text, const EngineOptions& options) {
  return ScriptRunner(options).Run(text);
}

std::vector<ScriptExpression> ExpressionsOf(std::string_view text) {
  std::vector<ScriptExpression> expressions;
  for (const ScriptCommand& command : ParseScript(text)) {
    if (const auto* evaluation = std::get_if<Evaluation>(&command.what)) {
      expressions.push_back({evaluation->line, evaluation->query, evaluation->Expects("fail")});
    }
  }
  return expressions;
}

}  // namespace tocsin::promql
