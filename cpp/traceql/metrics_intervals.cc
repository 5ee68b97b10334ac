#include "cpp/traceql/metrics_intervals.h"

#include <algorithm>

#include "cpp/base/clock.h"

namespace tocsin::traceql {
namespace {

// Sums of a time and a step stay within 64 bits below this.
constexpr auto kMaxTime = static_cast<uint64_t>(INT64_MAX);

// The multiples of the step around the range: the right ends of the first interval and of the last.
// One interval more than asked for stands first, so that the left edge of a graph has a value.
MetricsWindow Align(const MetricsOptions& options) {
  const uint64_t past_end = options.end % options.step;
  return {options.start - options.start % options.step,
          past_end == 0 ? options.end : options.end + (options.step - past_end)};
}

}  // namespace

MetricsWindow WindowOf(const MetricsOptions& options) {
  const Result<MetricsIntervals> intervals = MetricsIntervals::Make(options);
  if (!intervals) return {options.start, options.end};
  return {intervals->from(), intervals->to()};
}

Result<MetricsIntervals> MetricsIntervals::Make(const MetricsOptions& options) {
  if (options.end <= options.start) {
    return InvalidArgumentError("the end of the range must be after its start");
  }
  if (options.end > kMaxTime) return InvalidArgumentError("the end of the range is too late");
  MetricsIntervals intervals;
  if (options.instant) {
    intervals.from_ = options.start;
    intervals.to_ = options.end;
    // Closed on both sides, the window has a nanosecond more than it lasts.
    intervals.step_ = options.end - options.start + 1;
    intervals.inverse_ = 1.0 / static_cast<double>(intervals.step_);
    intervals.seconds_ = static_cast<double>(options.end - options.start) / kSecond;
    intervals.first_end_ = options.end;
    return intervals;
  }
  if (options.step == 0) return InvalidArgumentError("the step must be above zero");
  if (options.step > kMaxTime) return InvalidArgumentError("the step is too long");
  const MetricsWindow aligned = Align(options);
  const uint64_t before_first =
      aligned.from > options.step ? aligned.from - options.step : aligned.from;
  const uint64_t count = (aligned.to - before_first) / options.step;
  if (count > kMaxMetricsIntervals) {
    return InvalidArgumentError("the range has more than " + std::to_string(kMaxMetricsIntervals) +
                                " steps: choose a longer step or a shorter range");
  }
  intervals.from_ = before_first + 1;
  intervals.to_ = aligned.to;
  intervals.step_ = options.step;
  intervals.inverse_ = 1.0 / static_cast<double>(options.step);
  intervals.seconds_ = static_cast<double>(options.step) / kSecond;
  intervals.first_end_ = before_first + options.step;
  intervals.count_ = static_cast<uint32_t>(count);
  return intervals;
}

std::vector<int64_t> MetricsIntervals::TimestampsMs() const {
  std::vector<int64_t> timestamps(count_);
  for (uint32_t i = 0; i < count_; ++i) {
    timestamps[i] = static_cast<int64_t>((first_end_ + i * step_) / kMillisecond);
  }
  return timestamps;
}

}  // namespace tocsin::traceql
