/// Answers what rules ask: many evaluations of an expression by one range query where that gives
/// the same. Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpp/backtest/source_plan.h"
#include "cpp/promql/engine.h"
#include "cpp/promql/value.h"
#include "cpp/rules/ports.h"

namespace tocsin::backtest {

/// Not thread-safe. Times of a rule must come as its group asks them: ascending, an interval apart.
class RuleQueries {
 public:
  /// `plan` is borrowed and must outlive this, `options` too.
  RuleQueries(const promql::Engine& engine, const SourcePlan& plan, const Options& options);

  /// As rules::QueryFunction. What is no expression of a rule, as in a template, is asked of the
  /// series that the rule before it was asked of.
  Result<rules::QueryAnswer> Ask(const promql::Expr& expr, std::string_view text, Millis at);

  /// Queries asked of the engine so far for the expression of a rule.
  uint64_t CountOf(const promql::Expr& expr) const;
  /// An error with which the whole backtest has to end.
  const Status& interrupted() const { return interrupted_; }

 private:
  /// The answers at some times, `step` apart.
  struct Answers {
    Millis first = 0;
    Millis step = 1;
    size_t times = 0;  ///< 0: none.
    std::vector<Labels> labels;
    std::vector<size_t> begin;  ///< Into `values` by time, and behind the last.
    std::vector<std::pair<uint32_t, double>> values;  ///< Index into `labels`.
    std::vector<size_t> histogram_begin;
    std::vector<std::pair<uint32_t, HistogramPtr>> histograms;

    bool Has(Millis at) const;
    rules::QueryAnswer At(Millis at) const;
  };
  struct State {
    const PlannedRule* rule = nullptr;
    rules::QueryFunction instant;
    Answers answers;
    size_t next_times = 0;  ///< How many the next range query is to answer.
    size_t most_times = 0;
    uint64_t queries = 0;
  };

  Result<rules::QueryAnswer> AskOnce(State* state, std::string_view text, const promql::Expr& expr,
                                     Millis at);
  /// Asks for `at` and what follows it. False: only AskOnce() can tell.
  bool AskAhead(State* state, Millis at);
  static Answers MakeAnswers(promql::MatrixValue matrix, const promql::TimeRange& range);

  const promql::Engine& engine_;
  const Options& options_;
  std::unordered_map<const promql::Expr*, State> states_;
  State* last_ = nullptr;
  Status interrupted_;
};

}  // namespace tocsin::backtest
