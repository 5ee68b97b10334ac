/// What one metrics query may hold in memory.

#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "cpp/base/memory_pool.h"
#include "cpp/base/status.h"

namespace tocsin::traceql {

/// Thread-safe.
class MetricsBudget {
 public:
  /// `memory`: what all queries share; may be null.
  explicit MetricsBudget(size_t limit, MemoryPool* memory = nullptr)
      : limit_(limit), memory_(memory) {}
  /// A part of `whole`, which outlives it: what it has taken is given back when it goes.
  explicit MetricsBudget(MetricsBudget* whole) : limit_(whole->limit_), whole_(whole) {}
  ~MetricsBudget() {
    if (whole_ != nullptr) whole_->Give(used_);
    if (memory_ != nullptr) memory_->Give(used_);
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
    if (memory_ != nullptr && !memory_->Take(bytes)) {
      used_ -= bytes;
      return ResourceExhaustedError(std::string(kNoQueryMemory));
    }
    return {};
  }

 private:
  void Give(size_t bytes) {
    used_ -= bytes;
    if (whole_ != nullptr) whole_->Give(bytes);
    if (memory_ != nullptr) memory_->Give(bytes);
  }

  const size_t limit_;
  MetricsBudget* const whole_ = nullptr;
  MemoryPool* const memory_ = nullptr;
  std::atomic<size_t> used_ = 0;
};

}  // namespace tocsin::traceql
