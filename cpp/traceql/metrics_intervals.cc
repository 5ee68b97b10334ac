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
  if (options.sliding) return Slide(*options.sliding);
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

Result<MetricsIntervals> MetricsIntervals::Slide(const SlidingWindows& windows) {
  // No difference of two times that are looked at leaves 64 bits: from 1933 to 2116.
  constexpr int64_t kLongest = int64_t{1} << 60;
  constexpr int64_t kLatest = int64_t{1} << 62;
  const bool one = windows.count == 1;
  if (windows.count == 0 || windows.length <= 0 || (!one && windows.step <= 0)) {
    return InvalidArgumentError("windows must have a length and a step above zero");
  }
  if (windows.count > kMaxMetricsIntervals) {
    return InvalidArgumentError("the range has more than " + std::to_string(kMaxMetricsIntervals) +
                                " steps: choose a longer step or a shorter range");
  }
  const int64_t last_step = windows.count - 1;
  const bool in_time =
      windows.first >= -kLongest && windows.first <= kLatest && windows.length <= kLongest &&
      (one || (windows.step <= kLongest && windows.step <= (kLatest - windows.first) / last_step));
  if (!in_time) return InvalidArgumentError("a time of the query is out of range");

  MetricsIntervals intervals;
  const int64_t range = one ? 0 : last_step * windows.step;
  const int64_t last = windows.first + range;
  intervals.from_ = static_cast<uint64_t>(std::max<int64_t>(windows.first - windows.length + 1, 0));
  intervals.to_ = static_cast<uint64_t>(std::max<int64_t>(last, 0));
  if (last < 0) intervals.from_ = 1;  // Nothing is in [1, 0].
  intervals.step_ = one ? 1 : static_cast<uint64_t>(windows.step);
  intervals.inverse_ = 1.0 / static_cast<double>(intervals.step_);
  intervals.seconds_ = static_cast<double>(windows.length) / kSecond;
  intervals.first_end_ = static_cast<uint64_t>(windows.first);
  if (windows.length >= range) {
    intervals.SlideBeyondRange(windows);
  } else {
    intervals.SlideWithinRange(windows);
  }
  return intervals;
}

// Windows that are not shorter than all steps together: the beginnings cut the time into one part,
// then comes what they have in common, and then what the ends cut.
void MetricsIntervals::SlideBeyondRange(const SlidingWindows& windows) {
  beyond_range_ = true;
  base_ = windows.first - windows.length + 1;
  common_from_ = base_ + int64_t{windows.count - 1} * (windows.count == 1 ? 0 : windows.step);
  common_to_ = windows.first;
  runs_ = WindowRuns{.length = windows.count, .stride = 1, .first = 0, .count = windows.count};
  count_ = 2 * windows.count - 1;
}

// Beginnings and ends cut each step alike: into two parts, unless the windows are whole steps.
void MetricsIntervals::SlideWithinRange(const SlidingWindows& windows) {
  const auto whole = static_cast<uint32_t>(windows.length / windows.step);
  const int64_t rest = windows.length % windows.step;
  if (rest == 0) {
    base_ = windows.first - windows.length + 1;
    runs_ = WindowRuns{.length = whole, .stride = 1, .first = 0, .count = windows.count};
    count_ = windows.count + whole - 1;
    return;
  }
  split_ = windows.step - rest;
  base_ = windows.first - windows.length - split_ + 1;
  runs_ = WindowRuns{.length = 2 * whole + 1, .stride = 2, .first = 1, .count = windows.count};
  count_ = 2 * (windows.count + whole);
}

uint32_t MetricsIntervals::OfWindows(int64_t time) const {
  if (beyond_range_) {
    if (time < common_from_) {
      return static_cast<uint32_t>(Quotient(static_cast<uint64_t>(time - base_)));
    }
    if (time <= common_to_) return runs_->count - 1;
    return runs_->count +
           static_cast<uint32_t>(Quotient(static_cast<uint64_t>(time - common_to_ - 1)));
  }
  const auto offset = static_cast<uint64_t>(time - base_);
  const uint64_t step = Quotient(offset);
  if (split_ == 0) return static_cast<uint32_t>(step);
  const bool second = offset - step * step_ >= static_cast<uint64_t>(split_);
  return static_cast<uint32_t>(2 * step + (second ? 1 : 0));
}

std::vector<int64_t> MetricsIntervals::TimestampsMs() const {
  std::vector<int64_t> timestamps(values());
  for (uint32_t i = 0; i < timestamps.size(); ++i) {
    timestamps[i] = static_cast<int64_t>(first_end_ + i * step_) / kMillisecond;
  }
  return timestamps;
}

}  // namespace tocsin::traceql
