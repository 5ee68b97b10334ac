#include "cpp/api/query_gate.h"

namespace tocsin::api {

QueryGate::Pass::~Pass() {
  if (gate_ == nullptr) return;
  {
    const std::scoped_lock lock(gate_->mutex_);
    --gate_->running_;
  }
  gate_->left_.notify_one();
}

Result<QueryGate::Pass> QueryGate::Enter() {
  std::unique_lock lock(mutex_);
  if (running_ >= at_once_) {
    if (waiting_ >= max_waiting_) {
      return ResourceExhaustedError("too many outstanding requests: " + std::to_string(running_) +
                                    " queries run and " + std::to_string(waiting_) + " wait");
    }
    ++waiting_;
    left_.wait(lock, [this] { return running_ < at_once_; });
    --waiting_;
  }
  ++running_;
  return Pass(this);
}

}  // namespace tocsin::api
