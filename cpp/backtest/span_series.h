/// Span metrics, derived again from stored spans for as much time as is asked for. Private to this
/// folder.

#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cpp/backtest/sample_budget.h"
#include "cpp/backtest/span_reader.h"
#include "cpp/generate/span_metrics.h"
#include "cpp/promql/source.h"

namespace tocsin::backtest {

/// Whether spans can be turned into the metric again. Of traces_spanmetrics_size_total they cannot:
/// the sizes of messages are not a column.
bool IsSpanMetric(std::string_view metric);

struct SpanSeriesOptions {
  std::string tenant;
  /// Counters are 0 here; a whole number of collection intervals since the epoch, in milliseconds.
  Millis from = 0;
  Millis to = 0;                               ///< What ends later is not looked at.
  std::set<std::string, std::less<>> metrics;  ///< No others are kept.
  generate::SpanMetricsOptions generator;
};

/// A source of the series of SpanMetrics, collected at every whole collection interval. It reads
/// spans when a query first reaches their time, an hour at once, and keeps of each series where it
/// changes. Not thread-safe.
class SpanSeries final : public promql::SeriesSource {
 public:
  /// `spans` and `budget` are borrowed. kInvalidArgument as SpanMetrics::Create.
  static Result<std::unique_ptr<SpanSeries>> Create(const traceql::SpanSource& spans,
                                                    SpanSeriesOptions options,
                                                    SampleBudget* budget);
  ~SpanSeries() override;

  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override;
  Status Scan(const promql::SeriesRequest& request, const Scanner& scanner) const override;

  /// Nobody will ask for samples before `t`; cheap to call often.
  void ForgetBefore(Millis t);

  uint64_t spans_read() const { return spans_read_; }
  /// There were more distinct labels than max_active_series lets through.
  bool overflowed() const;

 private:
  class Changes;

  SpanSeries(const traceql::SpanSource& spans, SpanSeriesOptions options,
             std::unique_ptr<generate::SpanMetrics> metrics, SampleBudget* budget);

  /// Reads on until `t`.
  Status ReadUntil(Millis t) const;

  const SpanSeriesOptions options_;
  const Millis interval_;
  const SpanReader reader_;
  const std::unique_ptr<generate::SpanMetrics> metrics_;
  // A query reads on: to whoever asks, everything was there all the time.
  const std::unique_ptr<Changes> changes_;
  mutable Millis read_until_;
  mutable uint64_t spans_read_ = 0;
};

}  // namespace tocsin::backtest
