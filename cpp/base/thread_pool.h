/// A bounded number of threads behind a bounded queue: whoever hands work over learns at once when
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
  ThreadPool(const std::string& name, size_t threads, size_t max_queued)
      : ThreadPool(name, threads, threads, max_queued) {}
  /// Begins with `threads`, and starts others, up to `max_threads`, when all are busy: for tasks
  /// that wait more than they work. They stay until Stop().
  ThreadPool(const std::string& name, size_t threads, size_t max_threads, size_t max_queued);
  ~ThreadPool() { Stop(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// False, and `task` is dropped, when the queue is full or the pool has stopped. Tasks start in
  /// the order of submission. A task must not throw.
  bool TrySubmit(std::function<void()> task);

  /// Refuses new work, runs what is queued, joins the threads. Not from one of the pool's threads.
  void Stop();

  /// How many there are at least.
  size_t threads() const { return least_; }

 private:
  void Start();
  bool TryStart();
  void Run();

  const std::string name_;
  const size_t least_;
  const size_t most_;
  const size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  size_t idle_ = 0;  ///< Threads that wait for work.
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tocsin
