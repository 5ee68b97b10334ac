/// A fixed number of threads behind a bounded queue: whoever hands work over learns at once when
/// there is too much of it, and answers with a refusal instead of growing.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tocsin {

/// Thread-safe. Destroying the pool is Stop().
class ThreadPool {
 public:
  /// `name` is what a debugger and `top -H` show (15 bytes of it).
  /// REQUIRES: threads >= 1.
  ThreadPool(const std::string& name, size_t threads, size_t max_queued);
  ~ThreadPool() { Stop(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// False, and `task` is dropped, when the queue is full or the pool has stopped. Tasks start in
  /// the order of submission. A task must not throw.
  bool TrySubmit(std::function<void()> task);

  /// Refuses new work, runs what is queued, joins the threads. Not from one of the pool's threads.
  void Stop();

  size_t threads() const { return threads_.size(); }

 private:
  void Run();

  const size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tocsin
