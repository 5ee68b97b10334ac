#include "cpp/promql/query_context.h"

#include <string>

namespace tocsin::promql {

Status QueryContext::CheckStopped() const {
  if (!query_options_.cancel.stop_requested()) return Status();
  return CancelledError("query was canceled in expression evaluation");
}

Status QueryContext::CheckTime() const {
  if (clock_.Now() > deadline_) {
    return DeadlineExceededError("query timed out in expression evaluation");
  }
  return query_options_.interrupted ? query_options_.interrupted() : Status();
}

Status QueryContext::CheckAlive() {
  TOCSIN_RETURN_IF_ERROR(CheckStopped());
  // The clock is a system call or nearly one; a series is less work than that.
  constexpr unsigned kChecksPerLook = 32;
  if (checks_++ % kChecksPerLook != 0) return Status();
  return CheckTime();
}

std::function<Status()> QueryContext::Interrupted() const {
  return [this]() -> Status {
    TOCSIN_RETURN_IF_ERROR(CheckStopped());
    return CheckTime();
  };
}

Status QueryContext::Charge(size_t samples) {
  charged_ += samples;
  stats_.peak_samples = std::max<uint64_t>(stats_.peak_samples, charged_);
  if (charged_ <= options_.max_samples) {
    if (memory_.Take(samples * kBytesOfSample)) return Status();
    return ResourceExhaustedError(std::string(kNoQueryMemory));
  }
  return ResourceExhaustedError(
      "query processing would load too many samples into memory in query execution");
}

void QueryContext::CountSamples(Millis t, uint64_t samples) {
  stats_.total_samples += samples;
  if (!query_options_.per_step_stats) return;
  const Millis step = std::max<Millis>(range_.step, 1);
  const Millis last = (range_.end - range_.start) / step;
  const Millis index = std::clamp<Millis>((t - range_.start + step - 1) / step, 0, last);
  auto& per_step = stats_.samples_per_step;
  if (per_step.empty()) {
    for (Millis i = 0; i <= last; ++i) per_step.emplace_back(range_.start + i * step, 0);
  }
  per_step[static_cast<size_t>(index)].second += samples;
}

QueryStats QueryContext::TakeStats() { return std::move(stats_); }

}  // namespace tocsin::promql
