/// The head: the newest samples of every series, in memory, as chunks.
///
/// A chunk never crosses a block boundary (a multiple of kBlockMillis), so that a block is made by
/// moving whole chunks out of the head. Closed chunks are immutable and shared with the queries
/// that read them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "storage/series/chunk.h"

namespace tocsin::storage {

/// Blocks cover two hours, aligned to the epoch.
inline constexpr Millis kBlockMillis = Millis{2} * 60 * 60 * 1'000;

/// The start of the block that `t` belongs to.
constexpr Millis BlockOf(Millis t) {
  const Millis remainder = t % kBlockMillis;
  return t - (remainder < 0 ? remainder + kBlockMillis : remainder);
}

/// An immutable chunk; cheap to copy.
struct ChunkRef {
  std::shared_ptr<const char[]> data;
  uint32_t size = 0;
  uint32_t count = 0;
  Millis first_t = 0;
  Millis last_t = 0;

  std::string_view bytes() const { return {data.get(), size}; }
  static ChunkRef Copy(const ChunkBuilder& builder);
  static ChunkRef Copy(std::string_view bytes);  ///< The rest is the caller's to fill in.
};

/// The head's part of one series. Not thread-safe.
class HeadSeries {
 public:
  /// REQUIRES: sample.t > last_t(), unless empty().
  void Append(Sample sample);
  /// Puts back the chunks that Collect gave, the last of them open again. REQUIRES: empty().
  /// kCorruption if the last does not decode; the others are looked at when they are read.
  Status Restore(std::vector<ChunkRef> chunks);

  bool empty() const { return closed_.empty() && open_.count() == 0; }
  Millis first_t() const;  ///< REQUIRES: !empty().

  /// The chunks that overlap [from, to], oldest first; the open one is copied.
  void Collect(Millis from, Millis to, std::vector<ChunkRef>* out) const;
  /// Forgets the chunks before `t`. REQUIRES: t is a block boundary.
  void DropBefore(Millis t);

  /// Bytes of coded samples.
  size_t ChunkBytes() const;

 private:
  void CloseChunk();

  std::vector<ChunkRef> closed_;
  ChunkBuilder open_;
};

}  // namespace tocsin::storage
