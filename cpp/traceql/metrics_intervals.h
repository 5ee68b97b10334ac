/// The intervals of a metrics query, and which of them a point in time belongs to.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/metrics.h"

namespace tocsin::traceql {

/// Windows that overlap are runs of intervals that do not: all of one length, each a fixed number
/// of intervals after the one before.
struct WindowRuns {
  uint32_t length = 1;  ///< Intervals of a window.
  uint32_t stride = 1;
  uint32_t first = 0;  ///< Interval that the first window begins with.
  uint32_t count = 1;  ///< Windows.
};

class MetricsIntervals {
 public:
  /// kInvalidArgument if the options name no range, or more than kMaxMetricsIntervals.
  static Result<MetricsIntervals> Make(const MetricsOptions& options);

  /// Of intervals: what spans are counted in.
  uint32_t count() const { return count_; }
  /// Of values in an answer: one for each interval, or for each window.
  uint32_t values() const { return runs_ ? runs_->count : count_; }
  double seconds() const { return seconds_; }  ///< That a value is about.
  /// Of sliding windows.
  const std::optional<WindowRuns>& runs() const { return runs_; }
  // The first and the last nanosecond that belong to one.
  uint64_t from() const { return from_; }
  uint64_t to() const { return to_; }
  /// Nanoseconds from one interval to the next.
  uint64_t step() const { return step_; }
  bool Contains(uint64_t time) const { return time >= from_ && time <= to_; }

  /// REQUIRES: Contains(time).
  uint32_t Of(uint64_t time) const {
    if (runs_) return OfWindows(static_cast<int64_t>(time));
    return static_cast<uint32_t>(Quotient(time - from_));
  }

  std::vector<int64_t> TimestampsMs() const;

 private:
  static Result<MetricsIntervals> Slide(const SlidingWindows& windows);
  void SlideBeyondRange(const SlidingWindows& windows);
  void SlideWithinRange(const SlidingWindows& windows);
  uint32_t OfWindows(int64_t time) const;

  // offset / step_.
  uint64_t Quotient(uint64_t offset) const {
    // The quotient is below 2^20, so that the product is off by one at most. Signed numbers are
    // converted faster.
    const double quotient = static_cast<double>(static_cast<int64_t>(offset)) * inverse_;
    auto interval = static_cast<uint64_t>(static_cast<int64_t>(quotient));
    if (interval * step_ > offset) --interval;
    if ((interval + 1) * step_ <= offset) ++interval;
    return interval;
  }

  uint64_t from_ = 0;
  uint64_t to_ = 0;
  uint64_t step_ = 1;
  double inverse_ = 1;
  double seconds_ = 0;
  uint64_t first_end_ = 0;
  uint32_t count_ = 1;

  // Of sliding windows alone.
  std::optional<WindowRuns> runs_;
  int64_t base_ = 0;   // The first nanosecond of the first interval.
  int64_t split_ = 0;  // A step has two intervals, the second one from here on; 0: it has one.
  bool beyond_range_ = false;
  // With beyond_range_: what all windows have in common, both included; perhaps nothing.
  int64_t common_from_ = 0;
  int64_t common_to_ = 0;
};

}  // namespace tocsin::traceql
