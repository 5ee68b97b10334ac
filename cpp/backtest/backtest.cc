#include "cpp/backtest/backtest.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "cpp/backtest/alert_periods.h"
#include "cpp/backtest/recorded_series.h"
#include "cpp/backtest/rule_queries.h"
#include "cpp/backtest/sample_budget.h"
#include "cpp/backtest/source_plan.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/state_store.h"
#include "cpp/rules/manager.h"

namespace tocsin::backtest {
namespace {

/// Nothing was before, and nothing remains.
class NoState final : public StateStore {
 public:
  Status Save(std::span<const StateChange> /*changes*/) override { return {}; }
  Result<std::vector<std::pair<std::string, std::string>>> Load() const override {
    return std::vector<std::pair<std::string, std::string>>();
  }
};

class Nobody final : public rules::AlertSink {
 public:
  void Send(std::span<const Alert> /*alerts*/) override {}
};

Status Check(const Options& options) {
  if (options.to < options.from) {
    return InvalidArgumentError("the end of the backtest lies before its start");
  }
  if (options.from < 0) return InvalidArgumentError("the backtest starts before 1970");
  if (options.rules.default_interval < kMillisecond) {
    return InvalidArgumentError("the evaluation interval must be a millisecond or more");
  }
  return {};
}

/// Before anything is read: somebody who asks for the time since 1970 means less.
Status CheckEvaluations(const std::vector<rules::RuleFile>& files, const Options& options) {
  uint64_t evaluations = 0;
  for (const rules::RuleFile& file : files) {
    for (const rules::GroupSpec& group : file.groups) {
      const Nanos interval = group.interval.value_or(options.rules.default_interval);
      evaluations += static_cast<uint64_t>((options.to - options.from) / interval);
    }
  }
  if (evaluations <= options.max_evaluations) return {};
  return ResourceExhaustedError(
      "the backtest would evaluate groups of rules " + std::to_string(evaluations) +
      " times, and " + std::to_string(options.max_evaluations) +
      " are the most: shorten the time, lengthen the intervals, or leave groups out");
}

}  // namespace

Result<std::vector<rules::RuleFile>> ParseRules(std::span<const RuleText> texts,
                                                const promql::ParserOptions& options) {
  std::vector<rules::RuleFile> files;
  for (const RuleText& text : texts) {
    TOCSIN_ASSIGN_OR_RETURN(rules::RuleFile file,
                            rules::ParseRuleFile(text.path, text.text, options));
    files.push_back(std::move(file));
  }
  return files;
}

Result<Report> Run(const History& history, std::vector<rules::RuleFile> files,
                   const Options& options) {
  TOCSIN_RETURN_IF_ERROR(Check(options));
  TOCSIN_RETURN_IF_ERROR(CheckEvaluations(files, options));
  // The order that the manager gives them.
  std::ranges::stable_sort(files, {}, &rules::RuleFile::path);
  SampleBudget budget(options.max_samples);
  TOCSIN_ASSIGN_OR_RETURN(const std::unique_ptr<SourcePlan> plan,
                          SourcePlan::Make(history, files, options, &budget));
  RuleQueries queries(history.engine, *plan, options);

  Report report;
  report.from = options.from;
  report.to = options.to;
  for (const rules::RuleFile& file : files) {
    report.warnings.insert(report.warnings.end(), file.warnings.begin(), file.warnings.end());
  }
  NoState state;
  Nobody nobody;
  rules::Manager manager(options.rules,
                         {.query = [&queries](const promql::Expr& expr, std::string_view text,
                                              Millis at) { return queries.Ask(expr, text, at); },
                          .samples = plan->recorded(),
                          .state = state,
                          .alerts = nobody,
                          .telemetry = Telemetry::None(),
                          .clock = Clock::Real(),
                          .evidence = nullptr});
  if (const Status loaded = manager.Load(std::move(files), options.from - 1); !loaded.ok()) {
    return InvalidArgumentError(loaded.message());
  }
  AlertPeriods periods(manager.Groups(), options.max_periods);
  Nanos due = manager.RunDue(options.from - 1);
  while (due <= options.to && due != rules::kNever) {
    const Nanos now = due;
    due = manager.RunDue(now);
    TOCSIN_RETURN_IF_ERROR(queries.interrupted());
    TOCSIN_RETURN_IF_ERROR(budget.status());
    TOCSIN_RETURN_IF_ERROR(periods.Look(manager.Groups(), now));
    plan->ForgetBefore(now);
  }

  report.periods = periods.TakePeriods();
  report.rules = periods.TakeReports();
  for (size_t i = 0; i < report.rules.size(); ++i) {
    report.rules[i].queries = queries.CountOf(*plan->rules()[i].expr);
  }
  report.origins = plan->Origins();
  const std::vector<std::string> warnings = plan->Warnings();
  report.warnings.insert(report.warnings.end(), warnings.begin(), warnings.end());
  return report;
}

}  // namespace tocsin::backtest
