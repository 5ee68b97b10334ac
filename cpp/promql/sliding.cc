#include "cpp/promql/sliding.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpp/promql/kahan.h"
#include "cpp/promql/native_histogram.h"

namespace tocsin::promql {
namespace {

double SumDirectly(std::span<const Sample> samples) {
  KahanSum sum;
  for (const Sample& sample : samples) sum.Add(sample.v);
  return sum.Value();
}

double AverageDirectly(std::span<const Sample> samples) {
  KahanMean mean;
  for (const Sample& sample : samples) mean.Add(sample.v);
  return mean.Value();
}

// The sum of a window that only moves forward, without ever subtracting: what left a double cannot
// be taken out of it again (1e100 - 1e100 + 1). A queue of two stacks: `tail_sums_` has for each
// sample of the older part the sum from it to the end of that part; the younger part has one sum.
// Each sample enters each of them once.
class SlidingSum {
 public:
  void Start(std::span<const Sample> samples) {
    samples_ = samples;
    begin_ = end_ = middle_ = 0;
    tail_sums_.clear();
    young_ = {};
  }

  // REQUIRES: neither end lies before where it was.
  KahanSum MoveTo(size_t begin, size_t end) {
    for (; end_ < end; ++end_) young_.Add(samples_[end_].v);
    begin_ = begin;
    if (begin_ >= middle_) TurnOver();
    if (begin_ >= middle_) return young_;
    KahanSum sum = tail_sums_[middle_ - 1 - begin_];
    sum.Add(young_);
    return sum;
  }

 private:
  // Makes everything in the window the older part.
  void TurnOver() {
    tail_sums_.clear();
    KahanSum sum;
    for (size_t i = end_; i > begin_; --i) {
      sum.Add(samples_[i - 1].v);
      tail_sums_.push_back(sum);
    }
    middle_ = end_;
    young_ = {};
  }

  std::span<const Sample> samples_;
  size_t begin_ = 0;
  size_t middle_ = 0;  // Where the younger part begins.
  size_t end_ = 0;
  std::vector<KahanSum> tail_sums_;  // Of the sample at middle_ - 1 - i.
  KahanSum young_;
};

// Sliding pays from a few samples on that a window shares with the next one.
bool WindowsOverlapMuch(const WindowGrid& grid) {
  constexpr Millis kShared = 4;
  return grid.times.steps.count > 1 && !grid.times.fixed &&
         grid.range / grid.times.steps.step >= kShared;
}

}  // namespace

RangeKernel SumKernel(bool average) {
  return [average, sliding = SlidingSum()](const RangeSamples& range, const WindowGrid& grid,
                                           std::span<double> out) mutable {
    const bool slide = WindowsOverlapMuch(grid);
    sliding.Start(range.samples);
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      double& value = out[window.step];
      value = Absent();
      if (window.empty()) return;
      if (slide) {
        const KahanSum sum = sliding.MoveTo(window.begin, window.end);
        const auto count = static_cast<double>(window.size());
        if (std::isfinite(sum.sum)) {
          value = average ? sum.sum / count + sum.compensation / count : sum.Value();
          return;
        }
        // Infinite, NaN or too large: the order in which it became so matters.
      }
      value = average ? AverageDirectly(window.samples()) : SumDirectly(window.samples());
    });
  };
}

RangeKernel ExtremeKernel(bool maximum) {
  // Indices of samples that are an extreme of everything from them to the end of the window.
  return [maximum, candidates = std::vector<size_t>()](
             const RangeSamples& range, const WindowGrid& grid, std::span<double> out) mutable {
    const std::span<const Sample> samples = range.samples;
    candidates.clear();
    size_t first = 0;  // Of the candidates still inside the window.
    size_t seen = 0;   // Samples that have been looked at.
    const auto beats = [maximum](double a, double b) { return maximum ? a > b : a < b; };
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = Absent();
      for (; seen < window.end; ++seen) {
        if (std::isnan(samples[seen].v)) continue;
        while (candidates.size() > first && beats(samples[seen].v, samples[candidates.back()].v)) {
          candidates.pop_back();
        }
        candidates.push_back(seen);
      }
      while (first < candidates.size() && candidates[first] < window.begin) ++first;
      if (window.empty()) return;
      // Without a candidate all samples are NaN.
      out[window.step] =
          first < candidates.size() ? samples[candidates[first]].v : window.front().v;
    });
  };
}

RangeKernel CountChangesKernel(bool resets, bool anchored) {
  return [resets, anchored, before = std::vector<uint32_t>()](
             const RangeSamples& range, const WindowGrid& grid, std::span<double> out) mutable {
    const std::span<const Sample> samples = range.samples;
    const std::span<const Millis> starts = range.starts;
    // before[i]: changes up to and including sample i, compared with the one before it.
    before.assign(samples.size(), 0);
    for (size_t i = 1; i < samples.size(); ++i) {
      const double a = samples[i - 1].v;
      const double b = samples[i].v;
      const bool differs = a != b && !(std::isnan(a) && std::isnan(b));
      const bool restarted = !starts.empty() && IsStartTimeReset(starts[i - 1], samples[i - 1].t,
                                                                 starts[i], samples[i].t);
      before[i] = before[i - 1] + ((resets ? b < a || restarted : differs) ? 1 : 0);
    }
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = Absent();
      if (window.empty()) return;
      size_t begin = window.begin;
      if (anchored) {
        // Without a sample inside the range itself there is nothing to count.
        if (window.back().t <= window.start_time) return;
        while (begin + 1 < window.end && samples[begin + 1].t <= window.start_time) ++begin;
      }
      out[window.step] = static_cast<double>(before[window.end - 1] - before[begin]);
    });
  };
}

}  // namespace tocsin::promql
