#include "cpp/base/clock.h"

#include <ctime>

namespace tocsin {
namespace {

Nanos Read(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<Nanos>(t.tv_sec) * kSecond + t.tv_nsec;
}

class RealClock : public Clock {
 public:
  Nanos Now() const override { return Read(CLOCK_REALTIME); }
};

}  // namespace

const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

Nanos ThreadCpuNanos() { return Read(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace tocsin
