/// Sums of times that stay at the ends of what can be said: 292 years from 1970. The durations of a
/// rule file may be as long as that. Private to this folder.

#pragma once

#include <limits>

#include "cpp/base/clock.h"

namespace tocsin::rules {

inline Nanos SaturatedSum(Nanos a, Nanos b) {
  constexpr Nanos kMost = std::numeric_limits<Nanos>::max();
  constexpr Nanos kLeast = std::numeric_limits<Nanos>::min();
  if (b > 0) return a > kMost - b ? kMost : a + b;
  return a < kLeast - b ? kLeast : a + b;
}

}  // namespace tocsin::rules
