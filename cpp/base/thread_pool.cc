#include "cpp/base/thread_pool.h"

#include <system_error>
#include <utility>

#include <pthread.h>

#include "cpp/base/check.h"

namespace tocsin {

ThreadPool::ThreadPool(const std::string& name, size_t threads, size_t max_threads,
                       size_t max_queued)
    : name_(name.substr(0, 15)), least_(threads), most_(max_threads), max_queued_(max_queued) {
  TOCSIN_CHECK(threads >= 1 && max_threads >= threads);
  const std::lock_guard lock(mutex_);
  threads_.reserve(threads);
  while (threads_.size() < threads) Start();
}

// REQUIRES: mutex_ held.
void ThreadPool::Start() {
  threads_.emplace_back([this] { Run(); });
  pthread_setname_np(threads_.back().native_handle(), name_.c_str());
}

// REQUIRES: mutex_ held. False if the system has no more threads.
bool ThreadPool::TryStart() {
  try {
    Start();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

bool ThreadPool::TrySubmit(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(task));
    // If the system has no more threads, those that are there will come to it.
    if (queue_.size() > idle_ && threads_.size() < most_) TryStart();
  }
  wake_.notify_one();
  return true;
}

void ThreadPool::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ThreadPool::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;  // Stopped, and nothing left to do.
    std::function<void()> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // What it captured goes before the lock is taken again.
    lock.lock();
  }
}

}  // namespace tocsin
