#include "cpp/promql/mixed_ranges.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "cpp/model/native_histogram_math.h"

namespace tocsin::promql {
namespace {

// What a window has of both kinds. The window of floats may be empty, the other one is not.
struct MixedWindow {
  Window floats;
  HistogramWindow histograms;
};

// A sample of either kind.
struct AnySample {
  Millis t = 0;
  double v = 0;
  const HistogramSample* histogram = nullptr;  // Null for a float.
  Millis start = 0;
};

// Both, here and below, of the same kind.
bool IsSame(const AnySample& a, const AnySample& b) {
  if (b.histogram == nullptr) return a.v == b.v || (std::isnan(a.v) && std::isnan(b.v));
  return EqualHistograms(*b.histogram->histogram, *a.histogram->histogram);
}

bool IsReset(const AnySample& a, const AnySample& b) {
  if (IsStartTimeReset(a.start, a.t, b.start, b.t)) return true;
  if (b.histogram == nullptr) return b.v < a.v;
  return DetectReset(*b.histogram->histogram, *a.histogram->histogram);
}

double Seconds(Millis millis) { return static_cast<double>(millis) / 1000; }

class MixedRange {
 public:
  MixedRange(const RangeCall& call, const MixedSamples& samples, const WindowGrid& grid,
             RowBuffer* row)
      : call_(call), samples_(samples), grid_(grid), row_(*row) {}

  HistogramNotes Run() {
    MixedWindow window;
    window.histograms.range = grid_.range;
    const std::span<const HistogramSample> all = samples_.histograms;
    size_t begin = 0;
    size_t end = 0;
    ForEachWindow(samples_.floats.samples, grid_, [&](const Window& floats) {
      const Millis after = floats.start_time - grid_.extend_left;
      const Millis up_to = floats.end_time + grid_.extend_right;
      while (end < all.size() && all[end].t <= up_to) ++end;
      while (begin < end && all[begin].t <= after) ++begin;
      if (begin == end) return;
      window.floats = floats;
      window.histograms.histograms = all.subspan(begin, end - begin);
      if (!samples_.histogram_starts.empty()) {
        window.histograms.starts = samples_.histogram_starts.subspan(begin, end - begin);
      }
      window.histograms.start = floats.start_time;
      window.histograms.end = floats.end_time;
      Visit(window);
    });
    return notes_;
  }

 private:
  void Visit(const MixedWindow& window);
  void Set(const MixedWindow& window, double value) {
    row_.SetAbsent(window.floats.step);
    row_.values()[window.floats.step] = value;
  }
  void Set(const MixedWindow& window, const HistogramResult& result) {
    notes_.Add(result.notes);
    if (result.histogram) {
      row_.SetHistogram(window.floats.step, result.histogram);
    } else {
      row_.SetAbsent(window.floats.step);
    }
  }
  // The sample of either kind.
  void SetEnd(const MixedWindow& window, bool first);
  // Only of histograms among themselves.
  template <class OfHistograms>
  void SetUnmixed(const MixedWindow& window, OfHistograms of_histograms) {
    if (window.floats.empty()) {
      Set(window, of_histograms(window.histograms));
    } else {
      Set(window, HistogramResult{nullptr, {HistogramNote::kMixedWithFloats}});
    }
  }
  void SetInstant(const MixedWindow& window, bool counter);
  void SetChanges(const MixedWindow& window, bool resets);
  HistogramResult Rate(const HistogramWindow& window, RateKind kind) const;
  static HistogramResult Total(const HistogramWindow& window, HistogramTotal::Kind kind);
  // The samples of both kinds in the order of time.
  const std::vector<AnySample>& Merged(const MixedWindow& window);

  const RangeCall& call_;
  const MixedSamples& samples_;
  const WindowGrid& grid_;
  RowBuffer& row_;
  HistogramNotes notes_;
  std::vector<AnySample> merged_;
};

void MixedRange::Visit(const MixedWindow& window) {
  const std::span<const HistogramSample> histograms = window.histograms.histograms;
  const Window& floats = window.floats;
  switch (call_.function->id) {
    case FunctionId::kCountOverTime:
      return Set(window, static_cast<double>(floats.size() + histograms.size()));
    case FunctionId::kPresentOverTime:
      return Set(window, 1.0);
    case FunctionId::kFirstOverTime:
      return SetEnd(window, /*first=*/true);
    case FunctionId::kLastOverTime:
      return SetEnd(window, /*first=*/false);
    case FunctionId::kTsOfFirstOverTime: {
      const Millis t = histograms.front().t;
      return Set(window, Seconds(floats.empty() ? t : std::min(t, floats.front().t)));
    }
    case FunctionId::kTsOfLastOverTime: {
      const Millis t = histograms.back().t;
      return Set(window, Seconds(floats.empty() ? t : std::max(t, floats.back().t)));
    }
    case FunctionId::kSumOverTime:
      return SetUnmixed(
          window, [](const HistogramWindow& w) { return Total(w, HistogramTotal::Kind::kSum); });
    case FunctionId::kAvgOverTime:
      return SetUnmixed(window, [](const HistogramWindow& w) {
        return Total(w, HistogramTotal::Kind::kAverage);
      });
    case FunctionId::kRate:
      return SetUnmixed(window,
                        [this](const HistogramWindow& w) { return Rate(w, RateKind::kRate); });
    case FunctionId::kIncrease:
      return SetUnmixed(window,
                        [this](const HistogramWindow& w) { return Rate(w, RateKind::kIncrease); });
    case FunctionId::kDelta:
      return SetUnmixed(window,
                        [this](const HistogramWindow& w) { return Rate(w, RateKind::kDelta); });
    case FunctionId::kIrate:
      return SetInstant(window, /*counter=*/true);
    case FunctionId::kIdelta:
      return SetInstant(window, /*counter=*/false);
    case FunctionId::kChanges:
      return SetChanges(window, /*resets=*/false);
    case FunctionId::kResets:
      return SetChanges(window, /*resets=*/true);
    default:
      // Functions of floats: what the kernel made of these stands.
      if (!floats.empty()) notes_.Add(HistogramNote::kIgnoredInMixedRange);
  }
}

void MixedRange::SetEnd(const MixedWindow& window, bool first) {
  const std::span<const HistogramSample> histograms = window.histograms.histograms;
  const Window& floats = window.floats;
  const HistogramSample& histogram = first ? histograms.front() : histograms.back();
  const bool is_float =
      !floats.empty() && (first ? floats.front().t < histogram.t : histogram.t < floats.back().t);
  if (!is_float) Set(window, HistogramResult{histogram.histogram, {}});
}

HistogramResult MixedRange::Total(const HistogramWindow& window, HistogramTotal::Kind kind) {
  HistogramTotal total(kind);
  for (const HistogramSample& sample : window.histograms) {
    if (!total.Add(*sample.histogram)) return {nullptr, total.notes()};
  }
  return {total.Value(/*compact=*/false), total.notes()};
}

HistogramResult MixedRange::Rate(const HistogramWindow& window, RateKind kind) const {
  if (!call_.anchored && !call_.smoothed) return ExtrapolatedRate(window, kind);
  // Of what lies beyond the edges only the nearest sample counts.
  HistogramWindow cut = window;
  const std::span<const HistogramSample> all = window.histograms;
  const auto after = std::ranges::upper_bound(all, window.start, {}, &HistogramSample::t);
  const auto begin = static_cast<size_t>(after - all.begin());
  size_t end = all.size();
  if (call_.smoothed) {
    const auto at_end = std::ranges::lower_bound(all, window.end, {}, &HistogramSample::t);
    end = std::min(end, static_cast<size_t>(at_end - all.begin()) + 1);
  }
  const size_t first = begin > 0 ? begin - 1 : 0;
  if (first >= end) return {};
  cut.histograms = all.subspan(first, end - first);
  cut.starts = {};
  return ExtendedRate(cut, kind, call_.smoothed);
}

void MixedRange::SetInstant(const MixedWindow& window, bool counter) {
  const std::vector<AnySample>& merged = Merged(window);
  if (merged.size() < 2) return Set(window, HistogramResult());
  const AnySample& last = merged.back();
  const AnySample& before = merged[merged.size() - 2];
  if (last.histogram == nullptr && before.histogram == nullptr) return;  // As the kernel has it.
  if (last.histogram == nullptr || before.histogram == nullptr) {
    return Set(window, HistogramResult{nullptr, {HistogramNote::kMixedWithFloats}});
  }
  Set(window, InstantRate(*before.histogram, *last.histogram, counter, before.start, last.start));
}

void MixedRange::SetChanges(const MixedWindow& window, bool resets) {
  const std::vector<AnySample>& merged = Merged(window);
  size_t first = 0;
  if (call_.anchored) {
    // Without a sample inside the range itself there is nothing to count.
    if (merged.back().t <= window.floats.start_time) return Set(window, HistogramResult());
    while (merged[first + 1].t <= window.floats.start_time) ++first;
  }
  double count = 0;
  for (size_t i = first + 1; i < merged.size(); ++i) {
    const AnySample& a = merged[i - 1];
    const AnySample& b = merged[i];
    const bool other_kind = (a.histogram == nullptr) != (b.histogram == nullptr);
    if (other_kind || (resets ? IsReset(a, b) : !IsSame(a, b))) ++count;
  }
  Set(window, count);
}

const std::vector<AnySample>& MixedRange::Merged(const MixedWindow& window) {
  merged_.clear();
  const Window& floats = window.floats;
  const std::span<const Millis> float_starts = samples_.floats.starts;
  for (size_t i = floats.begin; i < floats.end; ++i) {
    merged_.push_back(
        {floats.all[i].t, floats.all[i].v, nullptr, float_starts.empty() ? 0 : float_starts[i]});
  }
  const HistogramWindow& histograms = window.histograms;
  for (size_t i = 0; i < histograms.size(); ++i) {
    merged_.push_back({histograms.histograms[i].t, 0, &histograms.histograms[i],
                       histograms.starts.empty() ? 0 : histograms.starts[i]});
  }
  std::ranges::stable_sort(merged_, {}, &AnySample::t);
  return merged_;
}

}  // namespace

HistogramNotes ApplyHistograms(const RangeCall& call, const MixedSamples& samples,
                               const WindowGrid& grid, RowBuffer* row) {
  return MixedRange(call, samples, grid, row).Run();
}

}  // namespace tocsin::promql
