/// What the parts of one running query share: its source, its bounds, what it has to say.

#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"
#include "cpp/promql/annotations.h"
#include "cpp/promql/duration_parser.h"
#include "cpp/promql/engine.h"
#include "cpp/promql/source.h"
#include "cpp/promql/step_vector.h"
#include "cpp/promql/value.h"

namespace tocsin::promql {

/// Of one query and one thread. What it borrows outlives it.
class QueryContext {
 public:
  QueryContext(const SeriesSource& source, const EngineOptions& options, const Clock& clock,
               QueryOptions query_options)
      : source_(source),
        options_(options),
        clock_(clock),
        query_options_(std::move(query_options)),
        memory_(options.memory),
        deadline_(clock.Now() + (query_options_.timeout > 0
                                     ? std::min(query_options_.timeout, options.timeout)
                                     : options.timeout)) {}

  const SeriesSource& source() const { return source_; }
  const EngineOptions& options() const { return options_; }
  Millis lookback() const {
    return query_options_.lookback > 0 ? query_options_.lookback : options_.lookback;
  }
  Annotations& annotations() { return annotations_; }

  /// The range of the whole query, to which start(), end(), `@ start()` and step() refer.
  void SetRange(const TimeRange& range) { range_ = range; }
  const TimeRange& range() const { return range_; }
  DurationContext durations() const { return {range_.step, range_.end - range_.start}; }

  /// kCancelled or kDeadlineExceeded once the query has to end. Cheap: call it for every series.
  Status CheckAlive();

  /// The same for work that is done elsewhere, perhaps on several threads: to be asked before each
  /// piece of it. Holds as long as the context.
  std::function<Status()> Interrupted() const;

  /// Values held in memory. Charge() fails with kResourceExhausted beyond the bounds of one query
  /// and of all.
  Status Charge(size_t samples);
  void Release(size_t samples) {
    samples = std::min(samples, charged_);
    charged_ -= samples;
    memory_.Give(samples * kBytesOfSample);
  }
  size_t charged() const { return charged_; }

  /// What an expression that is being evaluated needs of native histograms: nothing but counts and
  /// sums inside of a kStats scope, unless there is also a kBuckets scope around.
  enum class HistogramNeed : uint8_t { kStats, kBuckets };
  class HistogramScope {
   public:
    HistogramScope(QueryContext* context, HistogramNeed need)
        : depth_(need == HistogramNeed::kStats ? context->stats_scopes_
                                               : context->buckets_scopes_) {
      ++depth_;
    }
    ~HistogramScope() { --depth_; }
    HistogramScope(const HistogramScope&) = delete;
    HistogramScope& operator=(const HistogramScope&) = delete;

   private:
    size_t& depth_;
  };
  bool needs_stats_only() const { return stats_scopes_ > 0 && buckets_scopes_ == 0; }

  /// Whether samples that steps look at are to be counted.
  bool counts_samples() const { return query_options_.stats || query_options_.per_step_stats; }
  /// Counts some for the step of the whole query at time `t`; what a subquery looks at between two
  /// steps counts for the later one.
  void CountSamples(Millis t, uint64_t samples);
  uint64_t counted() const { return stats_.total_samples; }
  QueryStats TakeStats();

 private:
  // A time and a value.
  static constexpr size_t kBytesOfSample = 16;

  Status CheckStopped() const;
  Status CheckTime() const;

  const SeriesSource& source_;
  const EngineOptions& options_;
  const Clock& clock_;
  const QueryOptions query_options_;
  MemoryLease memory_;
  const Nanos deadline_;
  Annotations annotations_;
  TimeRange range_;
  size_t charged_ = 0;
  size_t stats_scopes_ = 0;
  size_t buckets_scopes_ = 0;
  QueryStats stats_;
  unsigned checks_ = 0;
};

}  // namespace tocsin::promql
