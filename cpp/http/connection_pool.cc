#include "cpp/http/connection_pool.h"

#include <algorithm>
#include <utility>

namespace tocsin::http {

std::list<ConnectionPool::Idle> ConnectionPool::Expired() {
  const auto oldest = std::chrono::steady_clock::now() - std::chrono::nanoseconds(max_idle_time_);
  std::list<Idle> expired;
  while (!idle_.empty() && (idle_.size() > max_idle_ || idle_.back().since < oldest)) {
    expired.splice(expired.begin(), idle_, std::prev(idle_.end()));
  }
  return expired;
}

std::unique_ptr<Stream> ConnectionPool::Take(const std::string& route) {
  while (true) {
    std::list<Idle> expired;
    std::list<Idle> taken;
    {
      const std::lock_guard lock(mutex_);
      expired = Expired();
      const auto it =
          std::ranges::find_if(idle_, [&](const Idle& idle) { return idle.route == route; });
      if (it != idle_.end()) taken.splice(taken.begin(), idle_, it);
    }
    if (taken.empty()) return nullptr;
    if (taken.front().stream->IsQuiet()) return std::move(taken.front().stream);
  }
}

void ConnectionPool::Give(std::string route, std::unique_ptr<Stream> stream) {
  std::list<Idle> expired;
  const std::lock_guard lock(mutex_);
  idle_.push_front({std::move(route), std::move(stream), std::chrono::steady_clock::now()});
  expired = Expired();
}

}  // namespace tocsin::http
