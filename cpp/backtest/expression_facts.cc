#include "cpp/backtest/expression_facts.h"

#include <algorithm>
#include <utility>

#include "cpp/promql/functions.h"

namespace tocsin::backtest {
namespace {

using promql::Duration;
using promql::Expr;
using promql::TimeShift;

/// Walks down an expression and collects.
class Collector {
 public:
  explicit Collector(const promql::EngineOptions& options) : options_(options) {}

  /// `before`: how far before the time of the evaluation this part is evaluated.
  void Visit(const Expr& expr, std::optional<Millis> before) {
    const size_t named = labels_.size();
    if (const auto* selector = expr.As<promql::VectorSelector>()) {
      AddSelector(*selector, Sum(before, options_.lookback));
    } else if (const auto* matrix = expr.As<promql::MatrixSelector>()) {
      // An anchored or smoothed range looks for a sample before its left end.
      const bool further = matrix->selector.anchored || matrix->selector.smoothed;
      AddSelector(matrix->selector,
                  Sum(Sum(before, LengthOf(matrix->range)), further ? options_.lookback : 0));
    } else if (const auto* subquery = expr.As<promql::Subquery>()) {
      before = Sum(Shifted(before, subquery->shift), LengthOf(subquery->range));
      if (subquery->step) LengthOf(*subquery->step);
      Visit(*subquery->expr, before);
    } else {
      if (const auto* call = expr.As<promql::Call>()) NoteCall(*call);
      if (const auto* traces = expr.As<promql::TraceqlSelector>()) Shifted(0, traces->shift);
      NameLabels(expr);
      ForEachChild(expr, [&](const Expr& child) { Visit(child, before); });
    }
    labels_.resize(named);
  }

  ExpressionFacts Take() && { return std::move(facts_); }

 private:
  static std::optional<Millis> Sum(std::optional<Millis> a, std::optional<Millis> b) {
    return a && b ? std::optional(*a + *b) : std::nullopt;
  }

  std::optional<Millis> LengthOf(const Duration& duration) {
    if (!duration.expression) return duration.millis;
    facts_.depends_on_range = true;
    return std::nullopt;
  }

  std::optional<Millis> Shifted(std::optional<Millis> before, const TimeShift& shift) {
    if (shift.at != TimeShift::At::kNone) {
      if (shift.at != TimeShift::At::kTimestamp) facts_.depends_on_range = true;
      before = std::nullopt;
    }
    return shift.offset ? Sum(before, LengthOf(*shift.offset)) : before;
  }

  void AddSelector(const promql::VectorSelector& selector, std::optional<Millis> reach) {
    facts_.reach = Further(facts_.reach, Shifted(reach, selector.shift));
    SelectorFacts& facts = facts_.selectors.emplace_back();
    facts.selector = &selector;
    facts.labels = labels_;
    for (const promql::Matcher& matcher : selector.matchers) {
      if (matcher.name != kMetricName) {
        facts.labels.push_back(matcher.name);
      } else if (matcher.op == promql::Matcher::Op::kEqual) {
        facts.metric = matcher.value;
      }
    }
    std::ranges::sort(facts.labels);
    const auto repeated = std::ranges::unique(facts.labels);
    facts.labels.erase(repeated.begin(), repeated.end());
  }

  void NoteCall(const promql::Call& call) {
    const promql::FunctionId id = call.function->id;
    if (id == promql::FunctionId::kInfo) facts_.calls_info = true;
    if (id != promql::FunctionId::kLabelReplace && id != promql::FunctionId::kLabelJoin) return;
    // The sources: the fourth argument of label_replace, those behind the third of label_join.
    const bool replace = id == promql::FunctionId::kLabelReplace;
    for (size_t i = 3; i < (replace ? std::min<size_t>(4, call.args.size()) : call.args.size());
         ++i) {
      const auto* label = call.args[i].Unwrapped().As<promql::StringLiteral>();
      if (label != nullptr) labels_.push_back(label->value);
    }
  }

  void NameLabels(const Expr& expr) {
    if (const auto* aggregate = expr.As<promql::Aggregate>()) {
      if (!aggregate->without) Name(aggregate->grouping);
    } else if (const auto* binary = expr.As<promql::Binary>(); binary != nullptr) {
      if (!binary->matching) return;
      if (binary->matching->on) Name(binary->matching->labels);
      Name(binary->matching->include);
    }
  }

  void Name(const std::vector<std::string>& labels) {
    labels_.insert(labels_.end(), labels.begin(), labels.end());
  }

  const promql::EngineOptions& options_;
  std::vector<std::string> labels_;  ///< Named above the place that is visited.
  ExpressionFacts facts_;
};

}  // namespace

ExpressionFacts FactsOf(const Expr& expr, const promql::EngineOptions& options) {
  Collector collector(options);
  collector.Visit(expr, 0);
  return std::move(collector).Take();
}

bool MayGive(const promql::VectorSelector& selector, std::string_view metric) {
  return std::ranges::all_of(selector.matchers, [metric](const promql::Matcher& matcher) {
    return matcher.name != kMetricName || matcher.Matches(metric);
  });
}

std::optional<Millis> Further(std::optional<Millis> a, std::optional<Millis> b) {
  return a && b ? std::optional(std::max(*a, *b)) : std::nullopt;
}

}  // namespace tocsin::backtest
