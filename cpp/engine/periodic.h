/// A thread that runs a task at intervals of real time, or sooner when asked.

#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "cpp/base/clock.h"

namespace tocsin::engine {

/// The task is never run twice at once. Thread-safe.
class Periodic {
 public:
  /// `task` returns how long to wait before it runs again; the first run is `delay` after Start().
  using Task = std::function<Nanos()>;

  Periodic(std::string name, Task task);
  /// Stop().
  ~Periodic();
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

  void Start(Nanos delay);
  /// Runs the task soon, on its thread.
  void Wake();
  /// Waits for a running task and ends the thread. Idempotent. Not from the task.
  void Stop();

 private:
  void Run(Nanos delay);

  const std::string name_;
  const Task task_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tocsin::engine
