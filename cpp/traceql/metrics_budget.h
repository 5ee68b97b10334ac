/// What one metrics query may hold in memory.

#pragma once

#include <atomic>
#include <cstddef>

#include "cpp/base/status.h"

namespace tocsin::traceql {

/// Thread-safe.
class MetricsBudget {
 public:
  explicit MetricsBudget(size_t limit) : limit_(limit) {}
  /// A part of `whole`, which outlives it: what it has taken is given back when it goes.
  explicit MetricsBudget(MetricsBudget* whole) : limit_(whole->limit_), whole_(whole) {}
  ~MetricsBudget() {
    if (whole_ != nullptr) whole_->used_ -= used_;
  }
  MetricsBudget(const MetricsBudget&) = delete;
  MetricsBudget& operator=(const MetricsBudget&) = delete;

  /// Takes `bytes`; kResourceExhausted if they are not left.
  Status Take(size_t bytes) {
    if (whole_ != nullptr) {
      TOCSIN_RETURN_IF_ERROR(whole_->Take(bytes));
      used_ += bytes;
      return {};
    }
    const size_t before = used_.fetch_add(bytes);
    if (before > limit_ || bytes > limit_ - before) {
      used_ -= bytes;
      return ResourceExhaustedError(
          "the query makes more series than its memory holds: group by less, or choose a longer "
          "step or a shorter range");
    }
    return {};
  }

 private:
  const size_t limit_;
  MetricsBudget* const whole_ = nullptr;
  std::atomic<size_t> used_ = 0;
};

}  // namespace tocsin::traceql
