/// Which spans stand as examples beside the series.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/ids.h"
#include "cpp/traceql/metrics.h"

namespace tocsin::traceql {

struct ExemplarSpan {
  TraceId trace;
  SpanId span = 0;
  uint64_t start = 0;  ///< Unix nanoseconds.
  uint32_t interval = 0;
  uint32_t group = 0;
  double number = 0;  ///< What the function measured; nothing for functions that only count.
};

/// Spreads them over time: two from each of limit / 2 equal stretches of the intervals, no trace
/// twice. Which spans these are depends on the ids and on the minutes in which they start alone,
/// not on the order in which they are offered, and looks random: the minutes of a stretch have an
/// order of their own, and within a minute the traces. So whoever knows the minutes of its spans
/// (CountedRows) need not look at all of the spans.
class ExemplarPicker {
 public:
  /// limit 0: none.
  ExemplarPicker(uint32_t limit, uint32_t intervals);

  bool wants_any() const { return !stretches_.empty(); }
  static uint64_t RankOf(const TraceId& trace);
  /// Cheap; false if a span of a trace of this rank that starts then has no chance.
  bool Wants(uint64_t rank, uint64_t start, uint32_t interval) const {
    const uint32_t stretch = stretch_of_[interval];
    const uint64_t highest = stretches_[stretch].highest;
    const uint64_t least = RankOfMinute(stretch, MinuteOf(start));
    return least <= highest && (least | Mix(stretch, rank) >> (64 - kTraceBits)) <= highest;
  }
  /// The lowest ranks have a chance first: that of the spans that start in the same minutes as
  /// [first, last], at best. Nothing if they have no chance.
  std::optional<uint64_t> RankOfMinutes(uint64_t first, uint64_t last, uint32_t interval) const;
  void Offer(const ExemplarSpan& span);
  /// Offers what a picker of the same limit and intervals has kept, its group g as `groups[g]`.
  void Merge(const ExemplarPicker& other, std::span<const uint32_t> groups);

  /// By time.
  std::vector<ExemplarSpan> Take();

 private:
  static constexpr size_t kPerStretch = 2;
  // More than are shown, for a trace may be among the lowest of several stretches.
  static constexpr size_t kKept = 6;

  // Of a rank the upper bits are of the minute, the others of the trace.
  static constexpr int kTraceBits = 40;
  static constexpr uint64_t kMinuteMask = ~uint64_t{0} << kTraceBits;

  // Other minutes and traces are lowest in other stretches, so that long ones are not everywhere.
  static uint64_t RankIn(uint32_t stretch, uint64_t start, uint64_t rank) {
    return RankOfMinute(stretch, MinuteOf(start)) | Mix(stretch, rank) >> (64 - kTraceBits);
  }
  static uint64_t RankOfMinute(uint32_t stretch, uint64_t minute) {
    return Mix(stretch, minute) & kMinuteMask;
  }
  static uint64_t MinuteOf(uint64_t start) {
    return (start - (start > 0 ? 1 : 0)) / static_cast<uint64_t>(kMinute);
  }
  static uint64_t Mix(uint32_t stretch, uint64_t number) {
    return (number + stretch * 0x9e3779b97f4a7c15U) * 0xd6e8feb86659fd93U;
  }

  struct Kept {
    uint64_t rank = 0;
    ExemplarSpan span;
  };
  struct Stretch {
    uint64_t highest = UINT64_MAX;  // Of those kept, if no more fit.
    std::vector<Kept> kept;         // Ascending; one for each trace.
  };

  uint32_t limit_;
  std::vector<Stretch> stretches_;
  std::vector<uint32_t> stretch_of_;  // Of each interval.
};

/// `trace:id` and `span:id`.
std::vector<MetricsLabel> ExemplarLabels(const ExemplarSpan& span);

}  // namespace tocsin::traceql
