#include "cpp/api/query_gate.h"

#include <chrono>
#include <string>

namespace tocsin::api {
namespace {

constexpr std::chrono::milliseconds kBetweenQuestions{20};

}  // namespace

QueryGate::Pass::~Pass() {
  if (gate_ == nullptr) return;
  {
    const std::scoped_lock lock(gate_->mutex_);
    --gate_->running_;
  }
  gate_->left_.notify_one();
}

Result<QueryGate::Pass> QueryGate::Enter(const std::function<Status()>& interrupted) {
  std::unique_lock lock(mutex_);
  if (running_ >= at_once_) {
    if (waiting_ >= max_waiting_) {
      return ResourceExhaustedError("too many outstanding requests: " + std::to_string(running_) +
                                    " queries run and " + std::to_string(waiting_) + " wait");
    }
    ++waiting_;
    const Status waited = Wait(&lock, interrupted);
    --waiting_;
    TOCSIN_RETURN_IF_ERROR(waited);
  }
  ++running_;
  return Pass(this);
}

Status QueryGate::Wait(std::unique_lock<std::mutex>* lock,
                       const std::function<Status()>& interrupted) {
  const auto may_run = [this] { return running_ < at_once_; };
  if (!interrupted) {
    left_.wait(*lock, may_run);
    return {};
  }
  while (!left_.wait_for(*lock, kBetweenQuestions, may_run)) {
    lock->unlock();
    Status status = interrupted();
    lock->lock();
    // A pass that came free meanwhile was perhaps announced to this thread alone.
    if (!status.ok()) {
      left_.notify_one();
      return status;
    }
  }
  return {};
}

}  // namespace tocsin::api
