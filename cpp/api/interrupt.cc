#include "cpp/api/interrupt.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "cpp/base/duration.h"

namespace tocsin::api {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kBetweenQuestions = std::chrono::milliseconds(5);

class Interrupt {
 public:
  Interrupt(std::function<bool()> gone, Nanos timeout)
      : gone_(std::move(gone)), timeout_(timeout), start_(SteadyClock::now()) {}

  Status Ask() {
    const SteadyClock::duration passed = SteadyClock::now() - start_;
    if (timeout_ > 0 && passed >= std::chrono::nanoseconds(timeout_)) {
      return DeadlineExceededError("context deadline exceeded: the query took longer than " +
                                   FormatDuration(timeout_));
    }
    if (is_gone_) return Gone();
    if (!gone_) return {};
    int64_t next = next_question_.load(std::memory_order_relaxed);
    const int64_t now = passed.count();
    const int64_t after = now + SteadyClock::duration(kBetweenQuestions).count();
    if (now < next || !next_question_.compare_exchange_strong(next, after)) return {};
    if (!gone_()) return {};
    is_gone_ = true;
    return Gone();
  }

 private:
  static Status Gone() { return CancelledError("context canceled: the client has gone"); }

  const std::function<bool()> gone_;
  const Nanos timeout_;
  const SteadyClock::time_point start_;
  std::atomic<int64_t> next_question_ = 0;  // Ticks since start_.
  std::atomic<bool> is_gone_ = false;
};

}  // namespace

std::function<Status()> InterruptWhen(std::function<bool()> gone, Nanos timeout) {
  return [interrupt = std::make_shared<Interrupt>(std::move(gone), timeout)] {
    return interrupt->Ask();
  };
}

}  // namespace tocsin::api
