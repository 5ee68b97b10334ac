/// What one metrics query may hold in memory.

#pragma once

#include <cstddef>

#include "cpp/base/status.h"

namespace tocsin::traceql {

/// For one thread.
class MetricsBudget {
 public:
  explicit MetricsBudget(size_t limit) : limit_(limit) {}

  /// Takes `bytes` for the rest of the query; kResourceExhausted if they are not left.
  Status Take(size_t bytes) {
    if (bytes > limit_ - used_) {
      return ResourceExhaustedError(
          "the query makes more series than its memory holds: group by less, or choose a longer "
          "step or a shorter range");
    }
    used_ += bytes;
    return {};
  }

 private:
  size_t limit_;
  size_t used_ = 0;
};

}  // namespace tocsin::traceql
