/// How long something took by its start and end.

#pragma once

#include <algorithm>
#include <cstdint>

namespace tocsin {

/// Nanoseconds: 0 where the end lies before the start, INT64_MAX where it is further away than a
/// signed number goes.
constexpr int64_t DurationBetween(uint64_t start, uint64_t end) {
  return end > start ? static_cast<int64_t>(std::min<uint64_t>(end - start, INT64_MAX)) : 0;
}

}  // namespace tocsin
