/// Time as a dependency: everything that waits, times out or stamps takes a Clock, so that tests
/// run weeks in a second. Nothing else under cpp/ or storage/ asks the operating system for the
/// time of day.

#pragma once

#include <atomic>
#include <cstdint>

namespace tocsin {

/// Nanoseconds since the Unix epoch, the resolution and epoch of OTLP.
using Nanos = int64_t;

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
inline constexpr Nanos kMinute = 60 * kSecond;
inline constexpr Nanos kHour = 60 * kMinute;
inline constexpr Nanos kDay = 24 * kHour;

class Clock {
 public:
  virtual ~Clock() = default;
  /// The wall clock, in nanoseconds since the Unix epoch. Thread-safe.
  virtual Nanos Now() const = 0;

  /// The machine's own clock. Lives for ever.
  static const Clock& Real();
};

/// A clock that moves only when told to. Thread-safe.
class VirtualClock : public Clock {
 public:
  explicit VirtualClock(Nanos start) : now_(start) {}
  Nanos Now() const override { return now_.load(std::memory_order_relaxed); }
  void Advance(Nanos by) { now_.fetch_add(by, std::memory_order_relaxed); }
  void Set(Nanos to) { now_.store(to, std::memory_order_relaxed); }

 private:
  std::atomic<Nanos> now_;
};

/// CPU time of the calling thread, in nanoseconds; for the stage accounting of the ingest path.
Nanos ThreadCpuNanos();

}  // namespace tocsin
