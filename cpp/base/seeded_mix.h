/// A hash of numbers that come from clients.

#pragma once

#include <cstdint>
#include <random>

namespace tocsin {

/// Mixes a number with a seed of this process that nobody outside knows, so that nobody can choose
/// keys whose probes are long. Not the same in the next process: for tables in memory alone.
inline uint64_t SeededMix(uint64_t x) {
  static const uint64_t seed = [] {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
  }();
  x = (x ^ seed) * 0x9e3779b97f4a7c15U;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  return x ^ (x >> 32);
}

}  // namespace tocsin
