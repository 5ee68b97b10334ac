/// Connections that wait for their next request.

#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/http/stream.h"

namespace tocsin::http {

/// Thread-safe.
class ConnectionPool {
 public:
  /// Holds at most `max_idle`, each for at most `max_idle_time`.
  ConnectionPool(size_t max_idle, Nanos max_idle_time)
      : max_idle_(max_idle), max_idle_time_(max_idle_time) {}

  /// One that leads to `route` and is still open, the last that was given back; null if there is
  /// none.
  std::unique_ptr<Stream> Take(const std::string& route);
  /// Gives back one that may serve again.
  void Give(std::string route, std::unique_ptr<Stream> stream);

 private:
  struct Idle {
    std::string route;
    std::unique_ptr<Stream> stream;
    std::chrono::steady_clock::time_point since;
  };

  /// What is too old or too much; to be destroyed without the lock. REQUIRES: mutex_ held.
  std::list<Idle> Expired();

  const size_t max_idle_;
  const Nanos max_idle_time_;
  std::mutex mutex_;
  std::list<Idle> idle_;  // Guarded by mutex_; the newest first.
};

}  // namespace tocsin::http
