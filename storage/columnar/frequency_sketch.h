/// FrequencySketch: about how often each of many keys was asked for lately, in a fixed 32 KiB.
/// Small counters of which each key has four, and its least one counts; all are halved now and
/// then, so that what was popular is forgotten.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tocsin::storage {

/// Not thread-safe.
class FrequencySketch {
 public:
  static constexpr uint8_t kMost = 15;

  /// Everything is halved every `period` calls.
  void Add(uint64_t hash, uint64_t period) {
    for (size_t row = 0; row < kRows; ++row) {
      uint8_t& counter = counters_[row][Slot(hash, row)];
      if (counter < kMost) ++counter;
    }
    if (++added_ < period) return;
    added_ = 0;
    for (auto& row : counters_) {
      for (uint8_t& counter : row) counter /= 2;
    }
  }

  /// Never too low but for the halving; kMost stands for more.
  uint8_t Estimate(uint64_t hash) const {
    uint8_t least = kMost;
    for (size_t row = 0; row < kRows; ++row) {
      least = std::min(least, counters_[row][Slot(hash, row)]);
    }
    return least;
  }

 private:
  static constexpr size_t kRows = 4;
  static constexpr size_t kSlots = 8'192;

  // Different bits of the hash for each row.
  static size_t Slot(uint64_t hash, size_t row) {
    return (hash >> (row * 16) ^ hash >> (row * 5 + 3)) & (kSlots - 1);
  }

  std::array<std::array<uint8_t, kSlots>, kRows> counters_{};
  uint64_t added_ = 0;
};

}  // namespace tocsin::storage
