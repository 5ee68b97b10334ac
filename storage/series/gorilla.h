/// Time steps and the bits of doubles after Facebook's Gorilla: the change of the step since the
/// last one, and the XOR with the last value, bit by bit. Byte layout: storage/FORMAT.md, "Sample
/// chunk".
///
/// Chunks of version 1 are whole runs of both; chunks of version 2 take from here what does not
/// code better as integers.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/base/bits.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin::storage {

/// Writes and reads a series of time steps. The step before the first counts as 0.
class StepWriter {
 public:
  void Put(uint64_t step, BitWriter* out);

 private:
  uint64_t last_ = 0;
};
class StepReader {
 public:
  uint64_t Get(BitReader* in);

 private:
  uint64_t last_ = 0;
};

/// Writes and reads a series of 64-bit values that differ in few bits. The one before the first
/// is `last`.
class XorWriter {
 public:
  explicit XorWriter(uint64_t last = 0) : last_(last) {}
  void Put(uint64_t value, BitWriter* out);

 private:
  uint64_t last_;
  uint8_t leading_ = 64;  ///< The window of the last XOR that had one of its own; 64: none yet.
  uint8_t significant_ = 0;
};
class XorReader {
 public:
  explicit XorReader(uint64_t last = 0) : last_(last) {}
  /// Sets `*sound` to false for bits that XorWriter cannot have written.
  uint64_t Get(BitReader* in, bool* sound);

 private:
  uint64_t last_;
  uint32_t leading_ = 0;
  uint32_t significant_ = 64;
};

/// Appends those of the `count` samples of a chunk of version 1 to `*out` that lie in [from, to].
/// kCorruption for bytes that end too early or whose samples do not ascend.
Status DecodeGorilla(std::string_view bytes, uint32_t count, Millis from, Millis to,
                     std::vector<Sample>* out);

}  // namespace tocsin::storage
