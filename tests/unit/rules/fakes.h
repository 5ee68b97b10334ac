/// What the rules are tested against: series, state and listeners in memory.

#pragma once

#include <algorithm>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/model/ports.h"
#include "cpp/promql/source.h"
#include "tests/unit/model/fake_state.h"
#include "tests/unit/rules/fake_sink.h"

namespace tocsin::rules {

/// A store of series that is read by the PromQL engine and written by rules.
class FakeSeries : public SampleSink, public promql::SeriesSource {
 public:
  SeriesRef Ref(const Labels& labels) override {
    for (size_t i = 0; i < series_.size(); ++i) {
      if (series_[i].labels == labels) return i;
    }
    series_.push_back({.labels = labels});
    return series_.size() - 1;
  }

  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    if (throws) throw std::bad_alloc();
    if (full) return UnavailableError("no space left on device");
    for (const RefSample& sample : batch.samples) {
      auto& stored = series_[sample.series].samples;
      if (stored.empty() || stored.back().t < sample.sample.t) stored.push_back(sample.sample);
    }
    for (const RefHistogram& histogram : batch.histograms) {
      series_[histogram.series].histograms.push_back(histogram.sample);
    }
    AppendOutcome outcome;
    if (!refuse.empty()) {
      outcome.out_of_order = batch.samples.size();
      outcome.first_refusal = refuse;
    }
    return outcome;
  }
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}

  void Add(const Labels& labels, Millis t, double value) {
    const RefSample sample{Ref(labels), {t, value}};
    EXPECT_TRUE(Put({.samples = {&sample, 1}}).ok());
  }

  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override {
    std::vector<promql::SeriesData> found;
    for (const promql::SeriesData& series : series_) {
      if (!promql::MatchesAll(matchers, series.labels)) continue;
      promql::SeriesData part{.labels = series.labels};
      for (const Sample& sample : series.samples) {
        if (sample.t >= from && sample.t <= to) part.samples.push_back(sample);
      }
      if (!part.samples.empty()) found.push_back(std::move(part));
    }
    std::ranges::sort(found, {}, &promql::SeriesData::labels);
    return found;
  }

  /// The last sample of a series; a stale marker prints as "stale", no sample as "none".
  std::string Last(const Labels& labels) {
    const auto& samples = series_[Ref(labels)].samples;
    if (samples.empty()) return "none";
    if (IsStaleNan(samples.back().v)) return "stale";
    return std::to_string(samples.back().v);
  }

  const std::vector<promql::SeriesData>& all() const { return series_; }

  bool full = false;    ///< Refuse all samples.
  bool throws = false;  ///< There is no memory.
  std::string refuse;   ///< Why all samples are out of order; empty: they are not.

 private:
  std::vector<promql::SeriesData> series_;
};

}  // namespace tocsin::rules
