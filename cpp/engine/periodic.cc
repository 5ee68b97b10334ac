#include "cpp/engine/periodic.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <pthread.h>

namespace tocsin::engine {

Periodic::Periodic(std::string name, Task task) : name_(std::move(name)), task_(std::move(task)) {}

Periodic::~Periodic() { Stop(); }

void Periodic::Start(Nanos delay) {
  thread_ = std::thread([this, delay] { Run(delay); });
  pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void Periodic::Wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Periodic::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Periodic::Run(Nanos delay) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, std::chrono::nanoseconds(std::max<Nanos>(delay, 0)),
                      [this] { return woken_ || stopping_; });
    if (stopping_) return;
    woken_ = false;
    lock.unlock();
    delay = task_();
    lock.lock();
  }
}

}  // namespace tocsin::engine
