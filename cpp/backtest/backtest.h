/// When rules would have fired: evaluates rule files over stored history under a virtual clock.
///
/// Every group is evaluated at its nominal times in [from, to] by rules::Manager, so that `for`,
/// keep_firing_for, templates, limits and the order within a group are those of a live process
/// which began with these rules at `from`. What the rules record, ALERTS included, is kept in
/// memory: later rules see it, and instead of what the store has of the same series from `from` on.
/// Nothing is written, nobody is told.
///
/// Metrics that are derived from spans, traces_spanmetrics_*, are derived again from the stored
/// spans where the store cannot answer: it has none for a part of the time for which there are
/// spans, or a rule names a label that was no dimension then. A rule gets the dimensions that it
/// names and no others. Counters begin at 0 as far before `from` as any expression looks back; a
/// span counts at the collection that follows its end.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/generate/span_metrics.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/promql/engine.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/series_admin.h"
#include "cpp/promql/source.h"
#include "cpp/rules/options.h"
#include "cpp/rules/rule_file.h"
#include "cpp/traceql/source.h"

namespace tocsin::backtest {

/// What a backtest reads. All are borrowed.
struct History {
  const promql::Engine& engine;
  const promql::SeriesSource& series;
  const promql::SeriesCatalog& catalog;        ///< Of the same series.
  const traceql::SpanSource* spans = nullptr;  ///< Null: nothing can be derived from spans.
  std::string tenant = "single-tenant";        ///< Of the spans.
};

struct Options {
  /// Unix nanoseconds, both ends included; `from` is not after `to`.
  Nanos from = 0;
  Nanos to = 0;
  rules::Options rules;  ///< The parser in it is that of `History::engine`.
  /// Attributes that count as configured dimensions, for every rule.
  std::vector<std::string> dimensions;
  /// Derive every span metric again, whatever the store has.
  bool from_spans = false;
  /// How metrics are derived from spans; its dimensions are not looked at.
  generate::SpanMetricsOptions metrics;
  /// One query a rule and evaluation, never one for many evaluations. The same results, slowly.
  bool step_by_step = false;
  /// Samples that may be held, of what the rules record and of what is derived from spans.
  size_t max_samples = 100'000'000;
  /// Evaluations of groups, all together, that are begun at all: some ten minutes.
  uint64_t max_evaluations = 10'000'000;
  /// Alert periods that may be returned.
  size_t max_periods = 1'000'000;
  /// Asked now and then; an error ends the backtest with it. May be empty.
  std::function<Status()> interrupted;
};

/// One time that one alert (label set) was active.
struct AlertPeriod {
  std::string file;
  std::string group;
  std::string alert;  ///< The name.
  Labels labels;      ///< `alertname` among them.
  /// As expanded at the evaluation at which it began to fire; of one that never did, at its last.
  Annotations annotations;
  Nanos pending_since = 0;
  std::optional<Nanos> firing_since;  ///< Unset: it never fired.
  /// The evaluation that no longer found it; unset: it was active at the end.
  std::optional<Nanos> resolved_at;
  double value = 0;          ///< At firing_since, or else at its last evaluation.
  double peak = 0;           ///< The greatest of all its evaluations.
  uint64_t evaluations = 0;  ///< At which it was active.
};

/// How a rule fared, in the order of the files.
struct RuleReport {
  std::string file;
  std::string group;
  std::string name;
  bool alerting = false;
  uint64_t evaluations = 0;
  uint64_t failures = 0;
  /// Of the last evaluation that failed, or had a template that did; "" if there was none.
  std::string last_error;
  Nanos last_error_at = 0;
  uint64_t queries = 0;  ///< Asked of the engine for its expression: few, or one an evaluation.
};

/// Where the samples of a metric came from.
struct MetricOrigin {
  enum class Source : uint8_t { kStored, kRecorded, kSpans, kNone };

  std::string metric;
  Source source = Source::kNone;
  /// kSpans: the labels besides those that span metrics always have, sorted.
  std::vector<std::string> dimensions;
  std::string reason;  ///< kSpans: why not from the store.
};

/// "stored", "recorded", "spans", "none".
std::string_view SourceName(MetricOrigin::Source source);

struct Report {
  Nanos from = 0;
  Nanos to = 0;
  /// Ordered by file, group and rule as they stand there, then pending_since, then labels.
  std::vector<AlertPeriod> periods;
  std::vector<RuleReport> rules;
  /// Ordered by metric and dimensions; of every metric that an expression names.
  std::vector<MetricOrigin> origins;
  std::vector<std::string> warnings;
};

/// A rule file as text; `path` only names it.
struct RuleText {
  std::string path;
  std::string text;
};

/// kInvalidArgument with the complaints about the first file that is wrong.
Result<std::vector<rules::RuleFile>> ParseRules(std::span<const RuleText> texts,
                                                const promql::ParserOptions& options);

/// Errors: kInvalidArgument for options that cannot be meant and for a file that is there twice,
/// kResourceExhausted beyond the bounds in the options, and those of the stores. A rule that fails
/// is no error: its report says so.
Result<Report> Run(const History& history, std::vector<rules::RuleFile> files,
                   const Options& options);

}  // namespace tocsin::backtest
