#include "cpp/backtest/recorded_series.h"

#include <algorithm>
#include <utility>

#include "cpp/promql/samples_between.h"
#include "cpp/promql/select_by_scan.h"

namespace tocsin::backtest {
namespace {

constexpr size_t kForgetAtLeast = 100'000;

template <class T>
size_t EraseBefore(Millis t, std::vector<T>* values) {
  const auto kept = std::ranges::lower_bound(*values, t, {}, &T::t);
  const auto erased = static_cast<size_t>(kept - values->begin());
  values->erase(values->begin(), kept);
  return erased;
}

std::vector<promql::LabelView> ViewsOf(const Labels& labels) {
  std::vector<promql::LabelView> views;
  views.reserve(labels.size());
  for (const auto& [name, value] : labels) views.push_back({name, value});
  return views;
}

/// As operator<=> of Labels.
std::strong_ordering Compare(const Labels& labels, std::span<const promql::LabelView> views) {
  return std::lexicographical_compare_three_way(
      labels.begin(), labels.end(), views.begin(), views.end(),
      [](const Labels::Pair& pair, const promql::LabelView& view) {
        const std::strong_ordering name = std::string_view(pair.first) <=> view.name;
        return name != 0 ? name : std::string_view(pair.second) <=> view.value;
      });
}

}  // namespace

bool RecordedNames::HasMetric(std::string_view metric) const {
  if (metrics.contains(metric)) return true;
  return !alerts.empty() && (metric == "ALERTS" || metric == "ALERTS_FOR_STATE");
}

bool RecordedNames::Owns(std::span<const promql::LabelView> labels) const {
  std::string_view metric;
  std::string_view alert;
  for (const promql::LabelView& label : labels) {
    if (label.name == kMetricName) metric = label.value;
    if (label.name == "alertname") alert = label.value;
  }
  if (metrics.contains(metric)) return true;
  return (metric == "ALERTS" || metric == "ALERTS_FOR_STATE") && alerts.contains(alert);
}

SeriesRef RecordedSeries::Ref(const Labels& labels) {
  const auto [entry, added] = all_.emplace(labels, series_.size());
  if (added) {
    if (keep_) by_metric_[std::string(labels.metric_name())].emplace(labels, entry->second);
    series_.emplace_back().labels = &entry->first;
  }
  return entry->second;
}

Result<AppendOutcome> RecordedSeries::Append(const SampleBatch& batch) {
  const size_t most = keep_ ? batch.samples.size() + batch.histograms.size() : 0;
  TOCSIN_RETURN_IF_ERROR(budget_.Take(most));
  AppendOutcome outcome;
  for (const auto& [ref, sample, start] : batch.samples) {
    Series& series = series_[ref];
    const bool taken = series.newest.Take(sample, *series.labels, &outcome);
    if (taken && keep_) series.samples.push_back(sample);
  }
  for (const auto& [ref, sample, start] : batch.histograms) {
    Series& series = series_[ref];
    const bool taken = series.newest.Take(sample, *series.labels, &outcome);
    if (taken && keep_) series.histograms.push_back(sample);
  }
  if (!keep_) return outcome;
  held_ += outcome.samples + outcome.histograms;
  budget_.Give(most - outcome.samples - outcome.histograms);
  return outcome;
}

std::vector<std::pair<const Labels*, SeriesRef>> RecordedSeries::Matching(
    const promql::SeriesRequest& request) const {
  const Ordered* candidates = &all_;
  for (const promql::Matcher& matcher : request.matchers) {
    if (matcher.name != kMetricName || matcher.op != promql::Matcher::Op::kEqual) continue;
    const auto found = by_metric_.find(matcher.value);
    if (found == by_metric_.end()) return {};
    candidates = &found->second;
  }
  std::vector<std::pair<const Labels*, SeriesRef>> matching;
  for (const auto& [labels, ref] : *candidates) {
    if (promql::MatchesAll(request.matchers, labels)) matching.emplace_back(&labels, ref);
  }
  return matching;
}

promql::SeriesView RecordedSeries::ViewOf(SeriesRef ref,
                                          const promql::SeriesRequest& request) const {
  const Series& series = series_[ref];
  promql::SeriesView view;
  view.samples = promql::SamplesBetween(std::span(series.samples), request.from, request.to);
  view.histograms = promql::SamplesBetween(std::span(series.histograms), request.from, request.to);
  return view;
}

Status RecordedSeries::ShowBoth(const promql::SeriesView& stored, SeriesRef ref,
                                const promql::SeriesRequest& request,
                                const Scanner& scanner) const {
  const promql::SeriesView recorded = ViewOf(ref, request);
  std::vector<Sample> samples(stored.samples.begin(), stored.samples.end());
  samples.insert(samples.end(), recorded.samples.begin(), recorded.samples.end());
  std::vector<HistogramSample> histograms(stored.histograms.begin(), stored.histograms.end());
  histograms.insert(histograms.end(), recorded.histograms.begin(), recorded.histograms.end());
  return scanner({stored.labels, samples, histograms, stored.starts});
}

Status RecordedSeries::Scan(const promql::SeriesRequest& request, const Scanner& scanner) const {
  const auto recorded = Matching(request);
  size_t next = 0;
  const auto show_next = [&]() -> Status {
    promql::SeriesView view = ViewOf(recorded[next].second, request);
    const std::vector<promql::LabelView> labels = ViewsOf(*recorded[next].first);
    ++next;
    if (view.samples.empty() && view.histograms.empty()) return {};
    view.labels = labels;
    return scanner(view);
  };
  const auto show_stored = [&](promql::SeriesView view) -> Status {
    if (names_.Owns(view.labels)) {
      view.samples = promql::SamplesBetween(view.samples, INT64_MIN, from_ - 1);
      view.histograms = promql::SamplesBetween(view.histograms, INT64_MIN, from_ - 1);
      if (view.samples.empty() && view.histograms.empty()) return {};
    }
    while (next < recorded.size() && Compare(*recorded[next].first, view.labels) < 0) {
      TOCSIN_RETURN_IF_ERROR(show_next());
    }
    if (next < recorded.size() && Compare(*recorded[next].first, view.labels) == 0) {
      return ShowBoth(view, recorded[next++].second, request, scanner);
    }
    return scanner(view);
  };
  TOCSIN_RETURN_IF_ERROR(stored_.Scan(request, show_stored));
  while (next < recorded.size()) TOCSIN_RETURN_IF_ERROR(show_next());
  return {};
}

Result<std::vector<promql::SeriesData>> RecordedSeries::Select(
    std::span<const promql::Matcher> matchers, Millis from, Millis to) const {
  return promql::SelectByScan(*this, {matchers, from, to, true});
}

void RecordedSeries::ForgetBefore(Millis t) {
  if (held_ < std::max(forget_at_, kForgetAtLeast)) return;
  size_t erased = 0;
  for (Series& series : series_) {
    erased += EraseBefore(t, &series.samples) + EraseBefore(t, &series.histograms);
  }
  held_ -= erased;
  budget_.Give(erased);
  forget_at_ = 2 * held_;
}

}  // namespace tocsin::backtest
