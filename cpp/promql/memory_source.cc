#include "cpp/promql/memory_source.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "cpp/model/native_histogram_math.h"
#include "cpp/promql/samples_between.h"
#include "cpp/promql/select_by_scan.h"

namespace tocsin::promql {
namespace {

// What a store tells of a histogram behind `previous` (null: a float, or nothing): it keeps those
// together that continue each other, and knows nothing of the first one.
CounterResetHint StoredHint(const NativeHistogram& histogram, const NativeHistogram* previous) {
  if (histogram.counter_reset == CounterResetHint::kGauge) return CounterResetHint::kGauge;
  const bool continues =
      previous != nullptr && previous->counter_reset != CounterResetHint::kGauge &&
      histogram.counter_reset != CounterResetHint::kReset && histogram.schema == previous->schema &&
      histogram.zero_threshold == previous->zero_threshold &&
      histogram.custom_values == previous->custom_values;
  if (!continues) return CounterResetHint::kUnknown;
  NativeHistogram untold = histogram;
  untold.counter_reset = CounterResetHint::kUnknown;
  return DetectReset(untold, *previous) ? CounterResetHint::kUnknown : CounterResetHint::kNotReset;
}

HistogramPtr AsStored(const HistogramPtr& histogram, const NativeHistogram* previous) {
  const CounterResetHint hint = StoredHint(*histogram, previous);
  if (hint == histogram->counter_reset) return histogram;
  auto stored = std::make_shared<NativeHistogram>(*histogram);
  stored->counter_reset = hint;
  return stored;
}

// Of a value behind all that are there.
void Append(const TimedValue& value, SeriesData* data) {
  const Millis start = data->starts.empty() ? 0 : data->starts.back().start;
  if (value.start != start) data->starts.push_back({value.t, value.start});
  if (value.histogram == nullptr) {
    data->samples.push_back({value.t, value.value});
    return;
  }
  const bool follows =
      !data->histograms.empty() &&
      (data->samples.empty() || data->samples.back().t < data->histograms.back().t);
  const NativeHistogram* previous = follows ? data->histograms.back().histogram.get() : nullptr;
  data->histograms.push_back({value.t, AsStored(value.histogram, previous)});
}

void Rebuild(const std::map<Millis, TimedValue>& values, SeriesData* data) {
  data->samples.clear();
  data->histograms.clear();
  data->starts.clear();
  for (const auto& [t, value] : values) Append(value, data);
}

}  // namespace

void MemorySource::Add(const Labels& labels, std::span<const TimedValue> values) {
  const std::unique_lock lock(mutex_);
  Series& series = series_[labels];
  series.data.labels = labels;
  bool in_order = true;
  for (const TimedValue& value : values) {
    in_order = in_order && (series.values.empty() || series.values.rbegin()->first < value.t);
    series.values.insert_or_assign(value.t, value);
    if (in_order) Append(value, &series.data);
  }
  if (!in_order) Rebuild(series.values, &series.data);
}

void MemorySource::Clear() {
  const std::unique_lock lock(mutex_);
  series_.clear();
}

Status MemorySource::Scan(const SeriesRequest& request, const Scanner& scanner) const {
  const std::shared_lock lock(mutex_);
  std::vector<LabelView> views;
  for (const auto& [labels, series] : series_) {
    if (!MatchesAll(request.matchers, labels)) continue;
    SeriesView view;
    view.samples = SamplesBetween(std::span(series.data.samples), request.from, request.to);
    view.histograms = SamplesBetween(std::span(series.data.histograms), request.from, request.to);
    if (view.samples.empty() && view.histograms.empty()) continue;
    views.clear();
    for (const auto& [name, value] : labels) views.push_back({name, value});
    view.labels = views;
    view.starts = series.data.starts;
    TOCSIN_RETURN_IF_ERROR(scanner(view));
  }
  return Status();
}

Result<std::vector<SeriesData>> MemorySource::Select(std::span<const Matcher> matchers, Millis from,
                                                     Millis to) const {
  return SelectByScan(*this, {matchers, from, to, true});
}

}  // namespace tocsin::promql
