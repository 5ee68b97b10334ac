/// The series that rules see while they are evaluated again: what is stored, and what they
/// themselves have recorded. Private to this folder.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/backtest/sample_budget.h"
#include "cpp/model/ports.h"
#include "cpp/promql/source.h"
#include "cpp/rules/newest_sample.h"

namespace tocsin::backtest {

/// The series that a set of rules makes.
struct RecordedNames {
  std::set<std::string, std::less<>> metrics;  ///< Of recording rules.
  std::set<std::string, std::less<>> alerts;   ///< Those of ALERTS and ALERTS_FOR_STATE.

  bool HasMetric(std::string_view metric) const;
  /// Whether the rules make the series themselves.
  bool Owns(std::span<const promql::LabelView> labels) const;
};

/// A sink for the samples of rules, and a source of these and of the stored ones. Of a series that
/// the rules make themselves, stored samples are shown only before `from`. What a store would
/// refuse is refused: samples of a series come in the order of their times. Not thread-safe.
class RecordedSeries final : public SampleSink, public promql::SeriesSource {
 public:
  /// `stored`, `budget` and `names` are borrowed. `keep`: false if nobody reads what is recorded.
  RecordedSeries(const promql::SeriesSource& stored, const RecordedNames& names, Millis from,
                 bool keep, SampleBudget* budget)
      : stored_(stored), names_(names), from_(from), keep_(keep), budget_(*budget) {}

  SeriesRef Ref(const Labels& labels) override;
  Result<AppendOutcome> Append(const SampleBatch& batch) override;
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}

  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override;
  Status Scan(const promql::SeriesRequest& request, const Scanner& scanner) const override;

  /// Nobody will ask for samples before `t`; cheap to call often.
  void ForgetBefore(Millis t);

 private:
  struct Series {
    const Labels* labels = nullptr;
    rules::NewestSample newest;
    std::vector<Sample> samples;
    std::vector<HistogramSample> histograms;
  };
  using Ordered = std::map<Labels, SeriesRef>;

  std::vector<std::pair<const Labels*, SeriesRef>> Matching(
      const promql::SeriesRequest& request) const;
  promql::SeriesView ViewOf(SeriesRef ref, const promql::SeriesRequest& request) const;
  Status ShowBoth(const promql::SeriesView& stored, SeriesRef ref,
                  const promql::SeriesRequest& request, const Scanner& scanner) const;

  const promql::SeriesSource& stored_;
  const RecordedNames& names_;
  const Millis from_;
  const bool keep_;
  SampleBudget& budget_;
  std::vector<Series> series_;  ///< By ref.
  Ordered all_;
  std::unordered_map<std::string, Ordered> by_metric_;
  size_t held_ = 0;
  size_t forget_at_ = 0;  ///< Not worth to forget anything before there are so many.
};

}  // namespace tocsin::backtest
