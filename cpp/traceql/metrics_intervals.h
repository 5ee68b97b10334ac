/// The intervals of a metrics query, and which of them a point in time belongs to.

#pragma once

#include <cstdint>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/traceql/metrics.h"

namespace tocsin::traceql {

class MetricsIntervals {
 public:
  /// kInvalidArgument if the options name no range, or more than kMaxMetricsIntervals.
  static Result<MetricsIntervals> Make(const MetricsOptions& options);

  uint32_t count() const { return count_; }
  double seconds() const { return seconds_; }  ///< Of one interval.
  // The first and the last nanosecond that belong to one.
  uint64_t from() const { return from_; }
  uint64_t to() const { return to_; }
  bool Contains(uint64_t time) const { return time >= from_ && time <= to_; }

  /// REQUIRES: Contains(time).
  uint32_t Of(uint64_t time) const {
    const uint64_t offset = time - from_;
    // The quotient is below 2^17, so that the product is off by one at most. Signed numbers are
    // converted faster.
    const double quotient = static_cast<double>(static_cast<int64_t>(offset)) * inverse_;
    auto interval = static_cast<uint64_t>(static_cast<int64_t>(quotient));
    if (interval * step_ > offset) --interval;
    if ((interval + 1) * step_ <= offset) ++interval;
    return static_cast<uint32_t>(interval);
  }

  std::vector<int64_t> TimestampsMs() const;

 private:
  uint64_t from_ = 0;
  uint64_t to_ = 0;
  uint64_t step_ = 1;
  double inverse_ = 1;
  double seconds_ = 0;
  uint64_t first_end_ = 0;
  uint32_t count_ = 1;
};

}  // namespace tocsin::traceql
