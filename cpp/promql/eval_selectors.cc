// Selectors and subqueries: what is read from the source, and at which times.

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "cpp/promql/evaluator.h"
#include "cpp/promql/histogram_stats.h"
#include "cpp/promql/native_histogram.h"
#include "cpp/promql/smoothing.h"
#include "cpp/promql/start_times.h"

namespace tocsin::promql {
namespace {

// Finds for steps that move forward the last sample at or before a time.
class LastSample {
 public:
  explicit LastSample(const SeriesView& series) : series_(series) {}

  // Moves to `time`. False if there is no sample, or it is not younger than `oldest`, or stale.
  bool MoveTo(Millis time, Millis oldest) {
    const auto& [labels, samples, histograms, starts] = series_;
    while (floats_ < samples.size() && samples[floats_].t <= time) ++floats_;
    while (histograms_ < histograms.size() && histograms[histograms_].t <= time) ++histograms_;
    const bool has_float = floats_ > 0;
    is_histogram_ =
        histograms_ > 0 && !(has_float && samples[floats_ - 1].t > histograms[histograms_ - 1].t);
    if (!is_histogram_ && !has_float) return false;
    return t() > oldest && (is_histogram_ || !IsStaleNan(v()));
  }

  // Of the sample found.
  bool is_histogram() const { return is_histogram_; }
  Millis t() const { return is_histogram_ ? series_.histograms[histograms_ - 1].t : sample().t; }
  double v() const { return sample().v; }
  const HistogramPtr& histogram() const { return series_.histograms[histograms_ - 1].histogram; }
  Millis start() const { return StartAt(series_.starts, t()); }

 private:
  const Sample& sample() const { return series_.samples[floats_ - 1]; }

  const SeriesView& series_;
  size_t floats_ = 0;      // Those at or before the time.
  size_t histograms_ = 0;  // The same.
  bool is_histogram_ = false;
};

// A sample less than the lookback before or at most the lookback after `time`.
template <class AnySample>
bool AnyWithin(std::span<const AnySample> samples, Millis time, Millis lookback) {
  const auto it = std::ranges::upper_bound(samples, time - lookback, {}, &AnySample::t);
  return it != samples.end() && it->t <= time + lookback;
}

bool AnyStale(std::span<const Sample> samples) {
  // Without a branch for each: there is hardly ever one.
  bool any = false;
  for (const Sample& sample : samples) any |= IsStaleNan(sample.v);
  return any;
}

// The samples without stale markers: themselves, or a copy in `buffer` if there are some.
std::span<const Sample> WithoutStale(std::span<const Sample> samples, std::vector<Sample>* buffer) {
  if (!AnyStale(samples)) return samples;
  buffer->clear();
  std::ranges::copy_if(samples, std::back_inserter(*buffer),
                       [](const Sample& sample) { return !IsStaleNan(sample.v); });
  return *buffer;
}

// What is known about counter resets holds between neighbours among the samples, of which a
// subquery may leave some out, and show others several times.
HistogramPtr WithoutResetHint(const HistogramPtr& histogram) {
  const CounterResetHint hint = histogram->counter_reset;
  if (hint == CounterResetHint::kUnknown || hint == CounterResetHint::kGauge) return histogram;
  NativeHistogram copy = *histogram;
  copy.counter_reset = CounterResetHint::kUnknown;
  return std::make_shared<const NativeHistogram>(std::move(copy));
}

RangeSeries ToRange(const StepSeries& series, const Steps& steps) {
  RangeSeries range{series.labels, series.drop_name, {}, {}};
  range.samples.reserve(series.values.size());
  for (size_t step = series.first; step < series.end(); ++step) {
    if (series.HistogramAt(step) != nullptr) {
      range.histograms.push_back(
          {steps.At(step), WithoutResetHint(series.histograms[step - series.first])});
    } else if (!IsAbsent(series.At(step))) {
      range.samples.push_back({steps.At(step), series.At(step)});
    }
  }
  return range;
}

size_t SamplesWorth(std::span<const HistogramSample> histograms) {
  size_t samples = 0;
  for (const HistogramSample& sample : histograms) {
    samples += tocsin::promql::SamplesWorth(*sample.histogram);
  }
  return samples;
}

const TimeShift& ShiftOfMatrix(const Expr& matrix) {
  if (const auto* subquery = matrix.As<Subquery>()) return subquery->shift;
  return matrix.As<MatrixSelector>()->selector.shift;
}

}  // namespace

Result<ReferenceTimes> Evaluator::ResolveShift(const TimeShift& shift) const {
  ReferenceTimes times{steps_, std::nullopt, 0};
  if (shift.offset) {
    TOCSIN_ASSIGN_OR_RETURN(times.offset,
                            EvaluateDuration(*shift.offset, context_.durations(), false));
  }
  switch (shift.at) {
    case TimeShift::At::kNone:
      break;
    case TimeShift::At::kTimestamp:
      times.fixed = shift.timestamp;
      break;
    case TimeShift::At::kStart:
      times.fixed = context_.range().start;
      break;
    case TimeShift::At::kEnd:
      times.fixed = context_.range().end;
      break;
  }
  return times;
}

Result<Millis> Evaluator::RangeOf(const Expr& matrix) const {
  const auto* subquery = matrix.As<Subquery>();
  const Duration& range =
      subquery != nullptr ? subquery->range : matrix.As<MatrixSelector>()->range;
  return EvaluateDuration(range, context_.durations(), true);
}

std::span<const HistogramSample> Evaluator::NeededOf(std::span<const HistogramSample> histograms,
                                                     std::vector<HistogramSample>* buffer) const {
  if (histograms.empty() || !context_.needs_stats_only()) return histograms;
  ReduceToStats(histograms, buffer);
  return *buffer;
}

Status Evaluator::ScanSelector(const VectorSelector& selector, PosRange pos, SelectorValue what,
                               const RowVisitor& visitor) {
  if (selector.smoothed && what == SelectorValue::kSample) {
    return ScanSmoothed(selector, pos, visitor);
  }
  TOCSIN_ASSIGN_OR_RETURN(const ReferenceTimes times, ResolveShift(selector.shift));
  const Millis lookback = context_.lookback();
  RowBuffer row(steps_.count);
  std::vector<HistogramSample> reduced;
  const auto scan = [&](SeriesView series) -> Status {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    row.Clear();
    series.histograms = NeededOf(series.histograms, &reduced);
    bool any = false;
    LastSample last(series);
    for (size_t step = 0; step < steps_.count; ++step) {
      const Millis time = times.At(step);
      if (!last.MoveTo(time, time - lookback)) continue;
      any = true;
      if (context_.counts_samples()) {
        context_.CountSamples(steps_.At(step), last.is_histogram()
                                                   ? tocsin::promql::SamplesWorth(*last.histogram())
                                                   : 1);
      }
      if (what == SelectorValue::kStartTime) {
        row.values()[step] = static_cast<double>(last.start()) / 1000;
      } else if (what != SelectorValue::kSample) {
        if (what == SelectorValue::kInfoTime && last.is_histogram()) {
          return FailedPreconditionError("this should be an info metric, with float samples: " +
                                         ToLabels(series.labels).ToString());
        }
        row.values()[step] = static_cast<double>(last.t()) / 1000;
      } else if (last.is_histogram()) {
        row.SetHistogram(step, last.histogram());
      } else {
        row.values()[step] = last.v();
      }
    }
    return any ? visitor({series.labels, false, row.row()}) : Status();
  };
  const SeriesRequest request{selector.matchers, times.first() - lookback + 1, times.last(),
                              what == SelectorValue::kStartTime};
  return context_.source().Scan(request, scan);
}

Status Evaluator::ScanSmoothed(const VectorSelector& selector, PosRange pos,
                               const RowVisitor& visitor) {
  TOCSIN_ASSIGN_OR_RETURN(const ReferenceTimes times, ResolveShift(selector.shift));
  const Millis lookback = context_.lookback();
  RowBuffer row(steps_.count);
  std::vector<Sample> buffer;
  std::vector<HistogramSample> reduced;
  const auto scan = [&](SeriesView series) -> Status {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    const std::span<const Sample> samples = WithoutStale(series.samples, &buffer);
    series.histograms = NeededOf(series.histograms, &reduced);
    const std::string_view name = ValueOf(series.labels, kMetricName);
    row.Clear();
    for (size_t step = 0; step < steps_.count; ++step) {
      const Millis time = times.At(step);
      const bool floats = AnyWithin(samples, time, lookback);
      const bool histograms = AnyWithin(series.histograms, time, lookback);
      if (floats && histograms) {
        Annotate(&context_.annotations(), pos, {HistogramNote::kMixedWithFloats}, name);
      } else if (floats) {
        row.values()[step] = SmoothedValue(samples, time, lookback);
      } else if (histograms) {
        const HistogramResult result = SmoothedHistogram(series.histograms, time, lookback);
        Annotate(&context_.annotations(), pos, result.notes, name);
        if (result.histogram) row.SetHistogram(step, result.histogram);
      }
    }
    return visitor({series.labels, false, row.row()});
  };
  return context_.source().Scan(
      {selector.matchers, times.first() - lookback + 1, times.last() + lookback}, scan);
}

Result<StepVector> Evaluator::EvalSelector(const VectorSelector& selector, PosRange pos,
                                           SelectorValue what) {
  StepVector result;
  const auto collect = [&](const SeriesRow& row) -> Status {
    StepSeries series = StepSeries::Make(ToLabels(row.labels), row.row);
    TOCSIN_RETURN_IF_ERROR(context_.Charge(series.values.size()));
    result.push_back(std::move(series));
    return Status();
  };
  TOCSIN_RETURN_IF_ERROR(ScanSelector(selector, pos, what, collect));
  return result;
}

Result<WindowGrid> Evaluator::GridOf(const Expr& matrix) const {
  WindowGrid grid;
  TOCSIN_ASSIGN_OR_RETURN(grid.times, ResolveShift(ShiftOfMatrix(matrix)));
  TOCSIN_ASSIGN_OR_RETURN(grid.range, RangeOf(matrix));
  if (const auto* selector = matrix.As<MatrixSelector>()) {
    if (selector->selector.anchored || selector->selector.smoothed) {
      grid.extend_left = context_.lookback();
    }
    if (selector->selector.smoothed) grid.extend_right = context_.lookback();
  }
  return grid;
}

void Evaluator::CountWindows(std::span<const Sample> samples,
                             std::span<const HistogramSample> histograms, const WindowGrid& grid) {
  ForEachWindow(samples, grid, [&](const Window& window) {
    size_t count = window.size();
    for (const HistogramSample& sample : histograms) {
      const bool inside = sample.t > window.start_time - grid.extend_left &&
                          sample.t <= window.end_time + grid.extend_right;
      if (inside) count += tocsin::promql::SamplesWorth(*sample.histogram);
    }
    if (count > 0) context_.CountSamples(steps_.At(window.step), count);
  });
}

Status Evaluator::VisitRange(const Expr& matrix, const WindowGrid& grid,
                             const RangeVisitor& visitor) {
  if (const auto* subquery = matrix.As<Subquery>()) return VisitSubquery(*subquery, grid, visitor);
  std::vector<Sample> buffer;
  std::vector<HistogramSample> reduced;
  const auto scan = [&](SeriesView series) -> Status {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    const std::span<const Sample> samples = WithoutStale(series.samples, &buffer);
    series.histograms = NeededOf(series.histograms, &reduced);
    if (context_.counts_samples()) CountWindows(samples, series.histograms, grid);
    if (samples.empty() && series.histograms.empty()) return Status();
    // Held while the visitor works on it, and given back with it.
    const size_t raw = samples.size() + SamplesWorth(series.histograms);
    TOCSIN_RETURN_IF_ERROR(context_.Charge(raw));
    TOCSIN_RETURN_IF_ERROR(
        visitor({series.labels, false, samples, series.histograms, series.starts}));
    context_.Release(raw);
    return Status();
  };
  const VectorSelector& selector = matrix.As<MatrixSelector>()->selector;
  return context_.source().Scan(
      {selector.matchers, grid.earliest(), grid.latest(), context_.options().use_start_timestamps},
      scan);
}

// A subquery is evaluated once, at all of its own steps that any window needs, and its results are
// then windowed as samples are.
Status Evaluator::VisitSubquery(const Subquery& subquery, const WindowGrid& grid,
                                const RangeVisitor& visitor) {
  Millis step = context_.options().default_subquery_step;
  if (subquery.step) {
    TOCSIN_ASSIGN_OR_RETURN(step, EvaluateDuration(*subquery.step, context_.durations(), true));
    step = std::max<Millis>(step, 1);
  }
  // Its steps are the multiples of the step, whatever the time of the query is.
  const Millis after = grid.Start(0);
  Millis start = step * (after / step);
  if (start <= after) start += step;
  const Millis end = grid.times.last();
  if (end < start) return Status();
  const auto count = static_cast<size_t>((end - start) / step) + 1;
  if (count > context_.options().max_samples) {
    return ResourceExhaustedError("a subquery has more steps than a query may hold samples");
  }
  const Steps steps{start, step, count};
  const QueryContext::HistogramScope scope(&context_, QueryContext::HistogramNeed::kBuckets);
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector,
                          Evaluator(&context_, steps).EvalVector(*subquery.expr));
  std::vector<LabelView> labels;
  for (StepSeries& series : vector) {
    const RangeSeries range = ToRange(series, steps);
    if (range.samples.empty() && range.histograms.empty()) continue;
    labels.clear();
    for (const auto& [name, value] : range.labels) labels.push_back({name, value});
    TOCSIN_RETURN_IF_ERROR(visitor({labels, range.drop_name, range.samples, range.histograms}));
    context_.Release(series.values.size());
    series.values = {};
    series.histograms = {};
  }
  return Status();
}

Result<std::vector<RangeSeries>> Evaluator::EvalMatrix(const Expr& expr) {
  const Expr& matrix = expr.Unwrapped();
  TOCSIN_ASSIGN_OR_RETURN(const WindowGrid grid, GridOf(matrix));
  const auto* selector = matrix.As<MatrixSelector>();
  const bool extended = grid.extend_left > 0;
  std::vector<RangeSeries> result;
  const auto visit = [&](const RangeView& series) -> Status {
    if (extended && !series.histograms.empty()) {
      return FailedPreconditionError(
          std::string(selector->selector.smoothed ? "smoothed" : "anchored") +
          " modifier is not supported with histograms");
    }
    RangeSeries kept{ToLabels(series.labels), series.drop_name, {}, {}};
    ForEachWindow(series.samples, grid, [&](const Window& window) {
      kept.samples = extended
                         ? ExtendToEdges(window, selector->selector.smoothed)
                         : std::vector<Sample>(window.samples().begin(), window.samples().end());
      for (const HistogramSample& sample : series.histograms) {
        if (sample.t > window.start_time && sample.t <= window.end_time) {
          kept.histograms.push_back(sample);
        }
      }
    });
    if (kept.samples.empty() && kept.histograms.empty()) return Status();
    TOCSIN_RETURN_IF_ERROR(context_.Charge(kept.samples.size() + SamplesWorth(kept.histograms)));
    result.push_back(std::move(kept));
    return Status();
  };
  TOCSIN_RETURN_IF_ERROR(VisitRange(matrix, grid, visit));
  return result;
}

}  // namespace tocsin::promql
