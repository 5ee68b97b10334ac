#include "cpp/deliver/remote_write_rates.h"

#include <algorithm>
#include <cmath>

namespace tocsin::deliver {

void MovingRate::Tick(double seconds) {
  const double now = new_.exchange(0, std::memory_order_relaxed) / seconds;
  rate_ = begun_ ? rate_ + (kWeight * (now - rate_)) : now;
  begun_ = true;
}

void WriteRates::Tick(double seconds) {
  for (MovingRate* rate : {&in_, &dropped_, &out_, &busy_}) rate->Tick(seconds);
}

uint32_t WriteRates::Desired(uint32_t current, uint32_t min, uint32_t max, double delay) const {
  const double out = out_.rate();
  if (out <= 0) return current;  // Nothing gets through: more of it would not either.
  const double kept = out / (dropped_.rate() + out);
  const double in = in_.rate() * kept;
  const double behind = std::max(delay, 0.0) * in;
  const double seconds_per_item = busy_.rate() / out;
  const double needed = std::ceil(seconds_per_item * (in + (kCatchUp * behind)));
  const double now = current;
  if (needed >= now * (1 - kTolerance) && needed <= now * (1 + kTolerance)) return current;
  if (needed < now && delay > kNoShrinkSeconds) return current;
  return static_cast<uint32_t>(
      std::clamp(needed, static_cast<double>(min), static_cast<double>(max)));
}

}  // namespace tocsin::deliver
