/// How many shards a remote writer needs: as many as the measured rates ask for.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cpp/base/clock.h"

namespace tocsin::deliver {

/// An average over about a minute, in units a second, that is moved on in steps of kInterval.
class MovingRate {
 public:
  void Add(double amount) { new_.fetch_add(amount, std::memory_order_relaxed); }
  void Tick(double seconds);
  double rate() const { return rate_; }

 private:
  static constexpr double kWeight = 0.2;  ///< Of the newest step.

  std::atomic<double> new_ = 0;
  double rate_ = 0;
  bool begun_ = false;
};

/// Counting is thread-safe; Tick and Desired belong to one thread.
class WriteRates {
 public:
  static constexpr Nanos kInterval = 10 * kSecond;
  /// The number of shards stays while what is needed is within this part of it.
  static constexpr double kTolerance = 0.3;
  /// Of what is behind, so much is to be caught up in a second.
  static constexpr double kCatchUp = 0.05;
  /// While it is further behind than this, there are not made fewer.
  static constexpr double kNoShrinkSeconds = 10;

  void In(size_t items) { in_.Add(static_cast<double>(items)); }
  void Dropped(size_t items) { dropped_.Add(static_cast<double>(items)); }
  /// Done with, in a request that took so long.
  void Out(size_t items, Nanos duration) {
    out_.Add(static_cast<double>(items));
    busy_.Add(static_cast<double>(duration) / kSecond);
  }

  void Tick(double seconds);

  /// `delay`: by how many seconds what is sent is behind what is appended.
  uint32_t Desired(uint32_t current, uint32_t min, uint32_t max, double delay) const;

 private:
  MovingRate in_;
  MovingRate dropped_;
  MovingRate out_;
  MovingRate busy_;
};

}  // namespace tocsin::deliver
