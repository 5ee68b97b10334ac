/// How many queries run at once, and how many may wait for that: what is beyond is refused at once,
/// which tells a client to slow down while the others still get their answers.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

#include "cpp/base/status.h"

namespace tocsin::api {

/// Thread-safe. Outlives its passes.
class QueryGate {
 public:
  /// REQUIRES: at_once >= 1.
  QueryGate(size_t at_once, size_t max_waiting) : at_once_(at_once), max_waiting_(max_waiting) {}

  /// Lets one query run while it lives.
  class Pass {
   public:
    explicit Pass(QueryGate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(other.gate_) { other.gate_ = nullptr; }
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass();

   private:
    QueryGate* gate_;
  };

  /// Waits for its turn; kResourceExhausted when too many wait already. While it waits it asks
  /// `interrupted`, if there is one, every few milliseconds; what is not OK ends the waiting.
  Result<Pass> Enter(const std::function<Status()>& interrupted = {});

 private:
  Status Wait(std::unique_lock<std::mutex>* lock, const std::function<Status()>& interrupted);

  const size_t at_once_;
  const size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable left_;
  size_t running_ = 0;
  size_t waiting_ = 0;
};

}  // namespace tocsin::api
