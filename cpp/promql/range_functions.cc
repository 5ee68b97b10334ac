// Most kernels look at each window by itself. Those that are asked for over long windows with short
// steps (rate, sums, averages, extremes, counts of changes) carry their state from window to window
// and cost the same for each step, however many samples its window has.

#include "cpp/promql/range_functions.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "cpp/promql/kahan.h"
#include "cpp/promql/native_histogram.h"
#include "cpp/promql/sliding.h"
#include "cpp/promql/smoothing.h"

namespace tocsin::promql {
namespace {

double Seconds(Millis millis) { return static_cast<double>(millis) / 1000; }

// A kernel of a function of one window, which is not called for empty ones.
template <class OfWindow>
RangeKernel PerWindow(OfWindow of_window) {
  return [of_window](const RangeSamples& range, const WindowGrid& grid, std::span<double> out) {
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = window.empty() ? Absent() : of_window(window);
    });
  };
}

// rate, increase, delta: from the samples in a window to its edges.
class Extrapolation {
 public:
  Extrapolation(bool is_counter, bool per_second)
      : is_counter_(is_counter), per_second_(per_second) {}

  bool is_counter() const { return is_counter_; }

  // `increase`: the difference between the last sample and the first, resets added. `start`: when
  // the counter of the first sample began, if that is inside of the window, else 0.
  double operator()(const Window& window, double increase, Millis start) {
    const Layout layout{window.front().t - window.start_time, window.back().t - window.front().t,
                        window.end_time - window.back().t, window.size()};
    // Scrapes and steps are regular: most windows are laid out as the one before.
    if (layout != layout_) SetLayout(layout);
    if (start != 0) {
      // It was zero then: nothing needs to be guessed on that side.
      const double sampled = Seconds(window.back().t - start);
      return (increase + window.front().v) * Factor(sampled, 0);
    }
    const double first = window.front().v;
    if (!is_counter_ || !(increase > 0) || !(first >= 0)) return increase * factor_;
    // A counter is never negative: it began at zero, and not before that. Whether zero may lie
    // inside of what is added is seen without a division, with some room for rounding.
    constexpr double kRoom = 1 + 1e-9;
    const double reach = first * sampled_;
    if (std::isfinite(reach) && reach >= before_ * increase * kRoom) return increase * factor_;
    return increase * Factor(sampled_, std::min(before_, sampled_ * (first / increase)));
  }

 private:
  struct Layout {
    Millis before = -1;  // Samples lie inside of windows: no window has this layout.
    Millis sampled = 0;
    Millis after = 0;
    size_t count = 0;
    friend bool operator==(const Layout&, const Layout&) = default;
  };

  void SetLayout(const Layout& layout) {
    layout_ = layout;
    sampled_ = Seconds(layout.sampled);
    before_ = Seconds(layout.before);
    after_ = Seconds(layout.after);
    range_ = Seconds(layout.before + layout.sampled + layout.after);
    const double average = layout.count > 1 ? sampled_ / static_cast<double>(layout.count - 1) : 0;
    // A boundary that is farther away than a sample may be late is taken for the end of the series:
    // then half a distance between samples is added, the best guess for where it began or ended.
    const double threshold = average * 1.1;
    if (before_ >= threshold) before_ = average / 2;
    if (after_ >= threshold) after_ = average / 2;
    factor_ = Factor(sampled_, before_);
  }

  double Factor(double sampled, double before) const {
    const double factor = sampled != 0 ? (sampled + before + after_) / sampled : 1;
    return per_second_ ? factor / range_ : factor;
  }

  const bool is_counter_;
  const bool per_second_;
  Layout layout_;
  // Of the layout, in seconds; before_ and after_ are what is added on each side.
  double sampled_ = 0;
  double before_ = 0;
  double after_ = 0;
  double range_ = 0;
  double factor_ = 0;
};

// The samples before which the counter began anew.
void FindResets(const RangeSamples& range, std::vector<size_t>* resets) {
  resets->clear();
  const std::span<const Sample> samples = range.samples;
  const std::span<const Millis> starts = range.starts;
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].v < samples[i - 1].v ||
        (!starts.empty() &&
         IsStartTimeReset(starts[i - 1], samples[i - 1].t, starts[i], samples[i].t))) {
      resets->push_back(i);
    }
  }
}

// When the counter of the first sample of a window began, if that is inside of it, else 0.
Millis StartInside(const RangeSamples& range, const Window& window) {
  if (range.starts.empty()) return 0;
  const Millis start = range.starts[window.begin];
  return start > window.start_time && start < window.front().t ? start : 0;
}

RangeKernel RateKernel(Extrapolation extrapolation) {
  return [extrapolation, resets = std::vector<size_t>()](
             const RangeSamples& range, const WindowGrid& grid, std::span<double> out) mutable {
    resets.clear();
    if (extrapolation.is_counter()) FindResets(range, &resets);
    size_t first_reset = 0;
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = Absent();
      if (window.empty()) return;
      const Millis start = extrapolation.is_counter() ? StartInside(range, window) : 0;
      if (window.size() < 2 && start == 0) return;
      while (first_reset < resets.size() && resets[first_reset] <= window.begin) ++first_reset;
      double increase = window.back().v - window.front().v;
      for (size_t i = first_reset; i < resets.size() && resets[i] < window.end; ++i) {
        increase += range.samples[resets[i] - 1].v;
      }
      out[window.step] = extrapolation(window, increase, start);
    });
  };
}

// irate, idelta.
RangeKernel InstantKernel(bool is_rate) {
  return [is_rate](const RangeSamples& range, const WindowGrid& grid, std::span<double> out) {
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = Absent();
      if (window.size() < 2) return;
      const Sample& last = window.back();
      const Sample& before = window.all[window.end - 2];
      if (last.t == before.t) return;
      const bool reset =
          is_rate &&
          (last.v < before.v ||
           (!range.starts.empty() && IsStartTimeReset(range.starts[window.end - 2], before.t,
                                                      range.starts[window.end - 1], last.t)));
      const double value = reset ? last.v : last.v - before.v;
      out[window.step] = is_rate ? value / Seconds(last.t - before.t) : value;
    });
  };
}

double StandardVariance(const Window& window) {
  double count = 0;
  KahanSum mean;
  KahanSum squares;
  for (const Sample& sample : window.samples()) {
    count += 1;
    const double delta = sample.v - (mean.sum + mean.compensation);
    mean.Add(delta / count);
    squares.Add(delta * (sample.v - (mean.sum + mean.compensation)));
  }
  return (squares.sum + squares.compensation) / count;
}

double MedianAbsoluteDeviation(const Window& window, std::vector<double>* values) {
  values->clear();
  for (const Sample& sample : window.samples()) {
    if (std::isnan(sample.v)) return std::numeric_limits<double>::quiet_NaN();
    values->push_back(sample.v);
  }
  const double median = QuantileOf(0.5, values);
  for (double& value : *values) value = std::abs(value - median);
  return QuantileOf(0.5, values);
}

struct Line {
  double slope = 0;
  double intercept = 0;  // At the time asked for.
};

Line FitLine(std::span<const Sample> samples, Millis intercept_time) {
  KahanSum x_sum;
  KahanSum y_sum;
  KahanSum xy_sum;
  KahanSum xx_sum;
  const double first_y = samples.front().v;
  bool constant = true;
  for (const Sample& sample : samples) {
    constant = constant && sample.v == first_y;
    const double x = Seconds(sample.t - intercept_time);
    x_sum.Add(x);
    y_sum.Add(sample.v);
    xy_sum.Add(x * sample.v);
    xx_sum.Add(x * x);
  }
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (constant) return std::isinf(first_y) ? Line{kNan, kNan} : Line{0, first_y};
  const auto n = static_cast<double>(samples.size());
  const double sx = x_sum.sum + x_sum.compensation;
  const double sy = y_sum.sum + y_sum.compensation;
  const double covariance = xy_sum.sum + xy_sum.compensation - sx * sy / n;
  const double variance = xx_sum.sum + xx_sum.compensation - sx * sx / n;
  const double slope = covariance / variance;
  return {slope, sy / n - slope * sx / n};
}

RangeKernel PredictLinear(const StepScalars& seconds) {
  return [&seconds](const RangeSamples& range, const WindowGrid& grid, std::span<double> out) {
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = Absent();
      if (window.size() < 2) return;
      const Line line = FitLine(window.samples(), grid.times.steps.At(window.step));
      out[window.step] = line.slope * seconds[window.step] + line.intercept;
    });
  };
}

RangeKernel QuantileKernel(const StepScalars& phi) {
  return [&phi, values = std::vector<double>()](const RangeSamples& range, const WindowGrid& grid,
                                                std::span<double> out) mutable {
    ForEachWindow(range.samples, grid, [&](const Window& window) {
      out[window.step] = Absent();
      if (window.empty()) return;
      values.clear();
      for (const Sample& sample : window.samples()) values.push_back(sample.v);
      out[window.step] = QuantileOf(phi[window.step], &values);
    });
  };
}

double DoubleExponentialSmoothing(const Window& window, double smoothing, double trend) {
  const std::span<const Sample> samples = window.samples();
  if (samples.size() < 2) return Absent();
  double previous = 0;
  double smoothed = samples[0].v;
  double slope = samples[1].v - samples[0].v;
  for (size_t i = 1; i < samples.size(); ++i) {
    const double scaled = smoothing * samples[i].v;
    if (i > 1) slope = trend * (smoothed - previous) + (1 - trend) * slope;
    const double next = scaled + (1 - smoothing) * (smoothed + slope);
    previous = std::exchange(smoothed, next);
  }
  return smoothed;
}

Result<RangeKernel> SmoothingKernel(const StepScalars& smoothing, const StepScalars& trend) {
  const auto check = [](const StepScalars& factors, const std::string& name) -> Status {
    for (const double factor : factors) {
      if (factor > 0 && factor < 1) continue;
      return FailedPreconditionError("invalid " + name + " factor. Expected: 0 < " + name[0] +
                                     "f < 1, got: " + std::to_string(factor));
    }
    return Status();
  };
  TOCSIN_RETURN_IF_ERROR(check(smoothing, "smoothing"));
  TOCSIN_RETURN_IF_ERROR(check(trend, "trend"));
  return PerWindow([&smoothing, &trend](const Window& window) {
    return DoubleExponentialSmoothing(window, smoothing[window.step], trend[window.step]);
  });
}

// The time of the last of the extreme samples.
template <class NotWorse>
double TimeOfExtreme(const Window& window, NotWorse not_worse) {
  Sample best = window.front();
  for (const Sample& sample : window.samples()) {
    if (not_worse(sample.v, best.v) || std::isnan(best.v)) best = sample;
  }
  return Seconds(best.t);
}

Result<RangeKernel> ExtendedKernel(const RangeCall& call) {
  const std::string_view modifier = call.anchored ? "anchored" : "smoothed";
  switch (call.function->id) {
    case FunctionId::kRate:
      return PerWindow(ExtendedFloatRate{true, true, call.smoothed});
    case FunctionId::kIncrease:
      return PerWindow(ExtendedFloatRate{true, false, call.smoothed});
    case FunctionId::kDelta:
      return PerWindow(ExtendedFloatRate{false, false, call.smoothed});
    case FunctionId::kChanges:
      if (call.anchored) return CountChangesKernel(/*resets=*/false, /*anchored=*/true);
      break;
    case FunctionId::kResets:
      if (call.anchored) return CountChangesKernel(/*resets=*/true, /*anchored=*/true);
      break;
    default:
      break;
  }
  const std::string allowed =
      call.anchored ? "changes, delta, increase, rate, resets" : "delta, increase, rate";
  return FailedPreconditionError(std::string(modifier) + " modifier can only be used with: " +
                                 allowed + " - not with " + std::string(call.function->name));
}

// Functions of more than one window's samples at a time, and those with scalar arguments.
Result<RangeKernel> StatefulKernel(const RangeCall& call) {
  switch (call.function->id) {
    case FunctionId::kRate:
      return RateKernel({/*is_counter=*/true, /*per_second=*/true});
    case FunctionId::kIncrease:
      return RateKernel({/*is_counter=*/true, /*per_second=*/false});
    case FunctionId::kDelta:
      return RateKernel({/*is_counter=*/false, /*per_second=*/false});
    case FunctionId::kChanges:
      return CountChangesKernel(/*resets=*/false, /*anchored=*/false);
    case FunctionId::kResets:
      return CountChangesKernel(/*resets=*/true, /*anchored=*/false);
    case FunctionId::kSumOverTime:
      return SumKernel(/*average=*/false);
    case FunctionId::kAvgOverTime:
      return SumKernel(/*average=*/true);
    case FunctionId::kMinOverTime:
      return ExtremeKernel(/*maximum=*/false);
    case FunctionId::kMaxOverTime:
      return ExtremeKernel(/*maximum=*/true);
    case FunctionId::kQuantileOverTime:
      return QuantileKernel(call.scalars[0]);
    case FunctionId::kPredictLinear:
      return PredictLinear(call.scalars[0]);
    case FunctionId::kDoubleExponentialSmoothing:
      return SmoothingKernel(call.scalars[0], call.scalars[1]);
    case FunctionId::kMadOverTime:
      return PerWindow([values = std::make_shared<std::vector<double>>()](const Window& window) {
        return MedianAbsoluteDeviation(window, values.get());
      });
    default:
      return InternalError("not a function of a range vector");
  }
}

}  // namespace

double QuantileOf(double phi, std::vector<double>* values) {
  if (values->empty() || std::isnan(phi)) return std::numeric_limits<double>::quiet_NaN();
  if (phi < 0) return -std::numeric_limits<double>::infinity();
  if (phi > 1) return std::numeric_limits<double>::infinity();
  std::ranges::sort(*values,
                    [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const auto n = static_cast<double>(values->size());
  const double rank = phi * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return (*values)[static_cast<size_t>(lower)] * (1 - weight) +
         (*values)[static_cast<size_t>(upper)] * weight;
}

Result<RangeKernel> MakeRangeKernel(const RangeCall& call) {
  if (call.anchored || call.smoothed) return ExtendedKernel(call);
  switch (call.function->id) {
    case FunctionId::kIrate:
      return InstantKernel(/*is_rate=*/true);
    case FunctionId::kIdelta:
      return InstantKernel(/*is_rate=*/false);
    case FunctionId::kCountOverTime:
      return PerWindow([](const Window& window) { return static_cast<double>(window.size()); });
    case FunctionId::kPresentOverTime:
      return PerWindow([](const Window&) { return 1.0; });
    case FunctionId::kFirstOverTime:
      return PerWindow([](const Window& window) { return window.front().v; });
    case FunctionId::kLastOverTime:
      return PerWindow([](const Window& window) { return window.back().v; });
    case FunctionId::kTsOfFirstOverTime:
      return PerWindow([](const Window& window) { return Seconds(window.front().t); });
    case FunctionId::kTsOfLastOverTime:
      return PerWindow([](const Window& window) { return Seconds(window.back().t); });
    case FunctionId::kTsOfMaxOverTime:
      return PerWindow([](const Window& window) {
        return TimeOfExtreme(window, [](double v, double best) { return v >= best; });
      });
    case FunctionId::kTsOfMinOverTime:
      return PerWindow([](const Window& window) {
        return TimeOfExtreme(window, [](double v, double best) { return v <= best; });
      });
    case FunctionId::kStdvarOverTime:
      return PerWindow(StandardVariance);
    case FunctionId::kStddevOverTime:
      return PerWindow([](const Window& window) { return std::sqrt(StandardVariance(window)); });
    case FunctionId::kDeriv:
      return PerWindow([](const Window& window) {
        return window.size() < 2 ? Absent() : FitLine(window.samples(), window.front().t).slope;
      });
    default:
      return StatefulKernel(call);
  }
}

}  // namespace tocsin::promql
