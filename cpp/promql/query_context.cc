#include "cpp/promql/query_context.h"

namespace tocsin::promql {

Status QueryContext::CheckAlive() {
  if (query_options_.cancel.stop_requested()) {
    return CancelledError("query was canceled in expression evaluation");
  }
  // The clock is a system call or nearly one; a series is less work than that.
  constexpr unsigned kChecksPerLook = 32;
  if (checks_++ % kChecksPerLook == 0 && clock_.Now() > deadline_) {
    return DeadlineExceededError("query timed out in expression evaluation");
  }
  return Status();
}

Status QueryContext::Charge(size_t samples) {
  charged_ += samples;
  if (charged_ <= options_.max_samples) return Status();
  return ResourceExhaustedError(
      "query processing would load too many samples into memory in query execution");
}

}  // namespace tocsin::promql
