/// Where each rule of a backtest reads: stored series, what the rules record, or span metrics that
/// are derived again. Private to this folder.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/backtest/backtest.h"
#include "cpp/backtest/expression_facts.h"
#include "cpp/backtest/recorded_series.h"
#include "cpp/backtest/sample_budget.h"
#include "cpp/backtest/span_series.h"

namespace tocsin::backtest {

/// A rule, and how it is to be asked.
struct PlannedRule {
  std::shared_ptr<const promql::Expr> expr;
  std::string text;
  Nanos interval = 0;  ///< Of its group.
  Nanos query_offset = 0;
  ExpressionFacts facts;
  const promql::SeriesSource* source = nullptr;
  /// It reads nothing that the rules record and may be asked for many times at once.
  bool independent = false;
};

/// Not thread-safe.
class SourcePlan {
 public:
  /// `history`, `options` and `budget` are borrowed.
  static Result<std::unique_ptr<SourcePlan>> Make(const History& history,
                                                  const std::vector<rules::RuleFile>& files,
                                                  const Options& options, SampleBudget* budget);

  /// In the order of the files.
  const std::vector<PlannedRule>& rules() const { return rules_; }
  /// Takes what the rules record.
  RecordedSeries& recorded() { return *recorded_; }
  /// The time of the backtest is now `now`.
  void ForgetBefore(Nanos now);

  /// To be asked once the backtest is over.
  std::vector<MetricOrigin> Origins() const;
  std::vector<std::string> Warnings() const;

 private:
  /// Labels with the attributes that they are.
  using Attributes = std::map<std::string, std::vector<std::string>, std::less<>>;

  SourcePlan(const History& history, const Options& options)
      : history_(history), options_(options) {}

  void AddRules(const std::vector<rules::RuleFile>& files);
  Status FindAttributes();
  Status PlanSpans(SampleBudget* budget);
  /// The dimensions that the rule needs of span metrics.
  std::vector<generate::Dimension> DimensionsOf(const PlannedRule& rule) const;
  /// Why stored series do not answer; "" if they do.
  std::string WhyDerive(const PlannedRule& rule,
                        const std::vector<generate::Dimension>& dimensions);
  std::string FindGap(const std::string& metric);
  Result<SpanSeries*> SpanSeriesOf(const std::vector<generate::Dimension>& dimensions,
                                   SampleBudget* budget);
  bool HasStored(std::string_view metric, Millis from, Millis to) const;
  void NoteOrigin(const MetricOrigin& origin);
  void NoteOrigins();

  const History& history_;
  const Options& options_;
  RecordedNames names_;
  std::vector<PlannedRule> rules_;
  std::optional<Millis> reach_ = 0;  ///< Of all rules, offsets included.
  bool templates_query_ = false;     ///< Some template asks queries of its own.
  Attributes attributes_;
  std::map<std::string, std::string> gaps_;  ///< By metric: FindGap().
  std::unique_ptr<RecordedSeries> recorded_;
  /// By the labels of the dimensions.
  std::map<std::vector<std::string>, std::unique_ptr<SpanSeries>> derived_;
  std::map<std::vector<std::string>, std::set<std::string, std::less<>>> derived_metrics_;
  std::vector<std::unique_ptr<promql::SeriesSource>> views_;
  std::map<std::pair<std::string, std::vector<std::string>>, MetricOrigin> origins_;
};

}  // namespace tocsin::backtest
