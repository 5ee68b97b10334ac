/// A chunk: a run of samples of one series, ascending in time, coded after Facebook's Gorilla: the
/// differences of time steps and the XOR of values, bit by bit. A steady series takes 2 bits a
/// sample, a counter under load about a byte. Byte layout: storage/FORMAT.md, "Sample chunk".
///
/// Every double survives, NaN payloads included. A chunk has no checksum: whatever holds it has
/// one.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"

namespace tocsin::storage {

/// Chunks are cut at this many samples: a query decodes a chunk from its start.
inline constexpr uint32_t kMaxChunkSamples = 120;

class ChunkBuilder {
 public:
  /// REQUIRES: count() < kMaxChunkSamples, and sample.t > last_t() unless the chunk is empty.
  void Append(Sample sample);

  uint32_t count() const { return count_; }
  Millis first_t() const { return first_t_; }  ///< REQUIRES: count() > 0.
  Millis last_t() const { return last_t_; }    ///< REQUIRES: count() > 0.

  /// The chunk so far, as DecodeChunk takes it. Valid until the next Append.
  std::string_view bytes() const { return bytes_; }

 private:
  /// The lowest `width` bits of `bits`, the highest of them first. REQUIRES: 0 < width <= 64.
  void PutBits(uint64_t bits, uint32_t width);
  void PutStep(uint64_t change);
  void PutValue(uint64_t bits);

  std::string bytes_;
  Millis first_t_ = 0;
  Millis last_t_ = 0;
  uint64_t step_ = 0;   ///< Between the last two samples; wraps.
  uint64_t value_ = 0;  ///< The bits of the last value.
  uint32_t count_ = 0;
  uint8_t free_bits_ = 0;  ///< Of the last byte.
  uint8_t leading_ = 64;   ///< The window of the last XOR that had one of its own; 64: none yet.
  uint8_t significant_ = 0;
};

/// Appends those of the `count` samples of a chunk to `*out` that lie in [from, to]. kCorruption
/// for bytes that end too early or whose samples do not ascend.
Status DecodeChunk(std::string_view bytes, uint32_t count, Millis from, Millis to,
                   std::vector<Sample>* out);

}  // namespace tocsin::storage
