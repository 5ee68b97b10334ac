// How histograms change over a range: rate, increase, delta, irate, idelta.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {
namespace {

double Seconds(Millis millis) { return static_cast<double>(millis) / 1000; }

bool IsGauge(const HistogramSample& sample) {
  return sample.histogram->counter_reset == CounterResetHint::kGauge;
}

// Adds (or subtracts) and notes what there is to be said. False if both do not fit together.
bool AddNoting(const NativeHistogram& other, NativeHistogram* histogram, HistogramNotes* notes) {
  const HistogramMerge merge = AddHistogram(histogram, other);
  if (merge.incompatible) notes->Add(HistogramNote::kMixedSchemas);
  if (merge.bounds_reconciled) notes->Add(HistogramNote::kBoundsReconciledInAddition);
  return !merge.incompatible;
}

bool SubtractNoting(const NativeHistogram& other, NativeHistogram* histogram,
                    HistogramNotes* notes) {
  const HistogramMerge merge = SubtractHistogram(histogram, other);
  if (merge.incompatible) notes->Add(HistogramNote::kMixedSchemas);
  if (merge.bounds_reconciled) notes->Add(HistogramNote::kBoundsReconciledInSubtraction);
  return !merge.incompatible;
}

bool StartTimeReset(const HistogramWindow& window, size_t i) {
  return i < window.starts.size() &&
         IsStartTimeReset(window.starts[i - 1], window.histograms[i - 1].t, window.starts[i],
                          window.histograms[i].t);
}

bool AnyStartTimeOverlap(const HistogramWindow& window) {
  for (size_t i = 1; i < std::min(window.starts.size(), window.size()); ++i) {
    if (IsStartTimeOverlap(window.starts[i - 1], window.histograms[i - 1].t, window.starts[i])) {
      return true;
    }
  }
  return false;
}

// All samples have the same kind of buckets as `first`; what is no counter is noted.
bool FitsTogether(std::span<const HistogramSample> samples, const NativeHistogram& first,
                  HistogramNotes* notes) {
  for (const HistogramSample& sample : samples) {
    if (sample.histogram->custom_buckets() != first.custom_buckets()) {
      *notes = {HistogramNote::kMixedSchemas};
      return false;
    }
    if (IsGauge(sample)) notes->Add(HistogramNote::kNotCounter);
  }
  return true;
}

// The increase of a counter from the first to the last sample, resets taken into account.
// REQUIRES: two samples or more.
std::optional<NativeHistogram> CounterIncrease(const HistogramWindow& window,
                                               HistogramNotes* notes) {
  const std::span<const HistogramSample> samples = window.histograms;
  if (IsGauge(samples.front())) notes->Add(HistogramNote::kNotCounter);
  // Behind a reset the first sample does not matter, nor whether it fits the others.
  HistogramPtr first = samples[0].histogram;
  const NativeHistogram& second = *samples[1].histogram;
  if (StartTimeReset(window, 1) || DetectReset(second, *first)) {
    auto nothing = std::make_shared<NativeHistogram>();
    nothing->schema = second.schema;
    nothing->custom_values = second.custom_values;
    first = std::move(nothing);
  }
  if (!FitsTogether(samples.subspan(1), *first, notes)) return std::nullopt;
  // At once to the lowest resolution, rather than step by step.
  NativeHistogram increase = *samples.back().histogram;
  if (!increase.custom_buckets()) {
    int32_t schema = std::min(first->schema, increase.schema);
    for (const HistogramSample& sample : samples.subspan(1)) {
      schema = std::min(schema, sample.histogram->schema);
    }
    ReduceResolution(&increase, schema);
  }
  if (!SubtractNoting(*first, &increase, notes)) return std::nullopt;
  if (AnyStartTimeOverlap(window)) notes->Add(HistogramNote::kStartTimeOverlap);
  for (size_t i = 1; i < samples.size(); ++i) {
    const NativeHistogram& previous = i == 1 ? *first : *samples[i - 1].histogram;
    if (!StartTimeReset(window, i) && !DetectReset(*samples[i].histogram, previous)) continue;
    if (!AddNoting(previous, &increase, notes)) return std::nullopt;
  }
  return increase;
}

// The difference of a gauge between the first and the last sample.
std::optional<NativeHistogram> GaugeDifference(const HistogramWindow& window,
                                               HistogramNotes* notes) {
  const HistogramSample& first = window.histograms.front();
  const HistogramSample& last = window.histograms.back();
  NativeHistogram difference = *last.histogram;
  if (!SubtractNoting(*first.histogram, &difference, notes)) return std::nullopt;
  if (!IsGauge(first) || !IsGauge(last)) notes->Add(HistogramNote::kNotGauge);
  return difference;
}

// How far what was seen between the first and the last sample stretches in the range: up to its
// bounds if samples are where one would expect them, else half an interval beyond. A counter does
// not reach back to before it was zero.
double StretchFactor(const HistogramWindow& window, const NativeHistogram& increase, bool counter) {
  const Millis first = window.histograms.front().t;
  const Millis last = window.histograms.back().t;
  const double sampled = Seconds(last - first);
  const double average = sampled / static_cast<double>(window.size() - 1);
  const double threshold = average * 1.1;
  double to_start = Seconds(first - window.start);
  if (to_start >= threshold) to_start = average / 2;
  const double first_count = window.histograms.front().histogram->count;
  if (counter && increase.count > 0 && first_count >= 0) {
    to_start = std::min(to_start, sampled * (first_count / increase.count));
  }
  double to_end = Seconds(window.end - last);
  if (to_end >= threshold) to_end = average / 2;
  return (sampled + to_start + to_end) / sampled;
}

// The same when the counter is known to have been zero at `start`, in the range.
double StretchFactorFrom(const HistogramWindow& window, Millis start) {
  const Millis first = window.histograms.front().t;
  const Millis last = window.histograms.back().t;
  const double sampled = Seconds(last - start);
  const double average =
      window.size() > 1 ? Seconds(last - first) / static_cast<double>(window.size() - 1) : 0;
  double to_end = Seconds(window.end - last);
  if (to_end >= average * 1.1) to_end = average / 2;
  return sampled == 0 ? 1 : (sampled + to_end) / sampled;
}

// Puts a rate or difference in its final form.
HistogramPtr Finished(NativeHistogram histogram) {
  histogram.counter_reset = CounterResetHint::kGauge;
  CompactHistogram(&histogram);
  return std::make_shared<const NativeHistogram>(std::move(histogram));
}

// The samples of an extended range from the last one at or before its start on and, if smoothed, up
// to the first one at or behind its end. Empty if the range has no value.
std::span<const HistogramSample> ExtendedSamples(const HistogramWindow& window, bool smoothed) {
  const std::span<const HistogramSample> all = window.histograms;
  if (all.empty()) return {};
  size_t last = all.size() - 1;
  size_t first = 0;
  while (first + 1 < last && all[first + 1].t <= window.start) ++first;
  if (smoothed) {
    size_t end = 0;
    while (end < last && all[end].t < window.end) ++end;
    last = end;
  }
  if (last < first || all[last].t <= window.start) return {};
  if (smoothed && all[first].t > window.end) return {};
  return all.subspan(first, last - first + 1);
}

// What resets have taken between both ends of an extended range. The ends stand for the first and
// the last sample; where an end was interpolated over a reset, that reset is part of it.
class ResetCorrection {
 public:
  explicit ResetCorrection(HistogramNotes* notes) : notes_(*notes) {}

  // False if histograms do not fit together.
  bool Run(std::span<const HistogramSample> samples, const NativeHistogram& left,
           const NativeHistogram& right, bool left_is_interpolated) {
    size_t next = 1;
    const NativeHistogram* previous = &left;
    if (left_is_interpolated && samples.size() > 1 &&
        DetectReset(*samples[1].histogram, *samples[0].histogram)) {
      previous = samples[1].histogram.get();
      next = 2;
    }
    if (next > samples.size() - 1) return true;
    for (; next + 1 < samples.size(); ++next) {
      if (!See(*samples[next].histogram, *previous)) return false;
      previous = samples[next].histogram.get();
    }
    return See(right, *previous);
  }

  const std::optional<NativeHistogram>& total() const { return total_; }

 private:
  bool See(const NativeHistogram& current, const NativeHistogram& previous) {
    if (!DetectReset(current, previous)) return true;
    if (total_) return AddNoting(previous, &*total_, &notes_);
    total_ = previous;
    return true;
  }

  HistogramNotes& notes_;
  std::optional<NativeHistogram> total_;
};

// The histogram at `t` between both; notes why there is none.
std::optional<NativeHistogram> Interpolate(const HistogramSample& left,
                                           const HistogramSample& right, Millis t, bool counter,
                                           HistogramNotes* notes) {
  if (t == left.t) return *left.histogram;
  NativeHistogram result = *right.histogram;
  if (t == right.t) return result;
  const double fraction = static_cast<double>(t - left.t) / static_cast<double>(right.t - left.t);
  if (counter && DetectReset(*right.histogram, *left.histogram)) {
    MultiplyHistogram(&result, fraction);  // It began again at zero.
    return result;
  }
  if (!SubtractNoting(*left.histogram, &result, notes)) return std::nullopt;
  MultiplyHistogram(&result, fraction);
  if (!AddNoting(*left.histogram, &result, notes)) return std::nullopt;
  return result;
}

}  // namespace

bool IsStartTimeReset(Millis previous_start, Millis previous_time, Millis start, Millis time) {
  // A start at the sample's own time means "not known", a later one is nonsense.
  if (start == 0 || start >= time || start < previous_time) return false;
  if (start > previous_time) return true;
  // It began when the previous one was taken: what deltas do, and counters with an unknown start.
  return previous_start != 0 && previous_start < previous_time;
}

bool IsStartTimeOverlap(Millis previous_start, Millis previous_time, Millis start) {
  return start != 0 && start < previous_time && start != previous_start;
}

HistogramResult ExtrapolatedRate(const HistogramWindow& window, RateKind kind) {
  HistogramResult result;
  if (window.histograms.empty()) return result;
  const bool counter = kind != RateKind::kDelta;
  std::optional<NativeHistogram> change;
  if (window.size() > 1) {
    change =
        counter ? CounterIncrease(window, &result.notes) : GaugeDifference(window, &result.notes);
    if (!change) return result;
    change->counter_reset = CounterResetHint::kGauge;
    CompactHistogram(&*change);
  }
  const Millis start = window.starts.empty() ? 0 : window.starts.front();
  double factor = 1;
  if (counter && start != 0 && start > window.start && start < window.histograms.front().t) {
    // It is known when the counter was zero: no need to guess.
    const NativeHistogram& first = *window.histograms.front().histogram;
    if (!change) {
      change = first;
    } else if (!AddNoting(first, &*change, &result.notes)) {
      return result;
    }
    factor = StretchFactorFrom(window, start);
  } else if (!change) {
    return result;
  } else {
    factor = StretchFactor(window, *change, counter);
  }
  if (kind == RateKind::kRate) factor /= Seconds(window.range);
  MultiplyHistogram(&*change, factor);
  result.histogram = std::make_shared<const NativeHistogram>(std::move(*change));
  return result;
}

HistogramResult ExtendedRate(const HistogramWindow& window, RateKind kind, bool smoothed) {
  HistogramResult result;
  const std::span<const HistogramSample> samples = ExtendedSamples(window, smoothed);
  if (samples.empty()) return result;
  const bool counter = kind != RateKind::kDelta;
  for (const HistogramSample& sample : samples) {
    if (sample.histogram->custom_buckets() != samples.front().histogram->custom_buckets()) {
      result.notes.Add(HistogramNote::kMixedSchemas);
      return result;
    }
    if (counter && IsGauge(sample)) result.notes.Add(HistogramNote::kNotCounter);
  }
  const bool cut_left = smoothed && samples.size() > 1 && samples.front().t < window.start;
  const bool cut_right = smoothed && samples.size() > 1 && samples.back().t > window.end;
  const size_t last = samples.size() - 1;
  const std::optional<NativeHistogram> left =
      cut_left ? Interpolate(samples[0], samples[1], window.start, counter, &result.notes)
               : *samples.front().histogram;
  const std::optional<NativeHistogram> right =
      cut_right ? Interpolate(samples[last - 1], samples[last], window.end, counter, &result.notes)
                : *samples.back().histogram;
  if (!left || !right) return result;
  if (!counter && (left->counter_reset != CounterResetHint::kGauge ||
                   right->counter_reset != CounterResetHint::kGauge)) {
    result.notes.Add(HistogramNote::kNotGauge);
  }
  NativeHistogram change = *right;
  if (!SubtractNoting(*left, &change, &result.notes)) return result;
  if (counter) {
    ResetCorrection correction(&result.notes);
    if (!correction.Run(samples, *left, *right, cut_left)) return result;
    if (correction.total() && !AddNoting(*correction.total(), &change, &result.notes)) {
      return result;
    }
  }
  if (kind == RateKind::kRate) DivideHistogram(&change, Seconds(window.range));
  result.histogram = Finished(std::move(change));
  return result;
}

HistogramResult InstantRate(const HistogramSample& previous, const HistogramSample& last,
                            bool counter, Millis previous_start, Millis last_start) {
  HistogramResult result;
  if (previous.t == last.t) return result;
  if (counter && (IsGauge(previous) || IsGauge(last))) {
    result.notes.Add(HistogramNote::kNotCounter);
  }
  if (!counter && !(IsGauge(previous) && IsGauge(last))) {
    result.notes.Add(HistogramNote::kNotGauge);
  }
  NativeHistogram change = *last.histogram;
  const bool reset = counter && (IsStartTimeReset(previous_start, previous.t, last_start, last.t) ||
                                 DetectReset(*last.histogram, *previous.histogram));
  if (!reset && !SubtractNoting(*previous.histogram, &change, &result.notes)) return result;
  if (counter) DivideHistogram(&change, Seconds(last.t - previous.t));
  result.histogram = Finished(std::move(change));
  return result;
}

HistogramResult InterpolatedHistogram(const HistogramSample& left, const HistogramSample& right,
                                      Millis t, bool counter) {
  HistogramResult result;
  std::optional<NativeHistogram> between = Interpolate(left, right, t, counter, &result.notes);
  if (between) result.histogram = std::make_shared<const NativeHistogram>(std::move(*between));
  return result;
}

}  // namespace tocsin::promql
