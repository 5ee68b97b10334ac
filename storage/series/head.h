/// The head: the newest samples of every series, in memory, as chunks.
///
/// A chunk never crosses a block boundary (a multiple of kBlockMillis), so that a block is made by
/// moving whole chunks out of the head. Chunks of a series follow one another in time without
/// overlap, whatever order the samples came in: a late sample is put into the chunk it belongs to.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "storage/series/chunk.h"
#include "storage/series/histogram_chunk.h"
#include "storage/series/open_chunk.h"

namespace tocsin::storage {

/// What a query notes of a series under the store's lock, to read it later.
struct NotedChunks {
  std::vector<ChunkRef> closed;
  /// The open floats, if they overlap; they point into `arena`, at `offset`.
  struct Open {
    OpenFloats floats;
    size_t offset = 0;
    std::vector<StartMark> starts;
  };
  std::vector<Open> open;
  std::string arena;
};

/// The head's part of one series. Not thread-safe.
class HeadSeries {
 public:
  /// REQUIRES: point.t > last_t(), unless empty().
  void Append(const Point& point);
  /// Puts in a sample that is not newer than all others. REQUIRES: Find(point.t) finds nothing.
  /// kCorruption if the chunk it belongs to does not decode; then nothing changes.
  Status Insert(const Point& point);
  /// The sample at that time.
  std::optional<Point> Find(Millis t) const;
  /// Removes the samples in [from, to].
  Status Delete(Millis from, Millis to);
  /// Puts back the chunks that Collect gave, the last of them open again. REQUIRES: empty().
  /// kCorruption if the last does not decode; the others are looked at when they are read.
  Status Restore(std::vector<ChunkRef> chunks);

  bool empty() const { return closed_.empty() && open_empty(); }
  Millis first_t() const;  ///< REQUIRES: !empty().
  Millis last_t() const;   ///< REQUIRES: !empty().
  /// The time of the first sample from `t` on, or before it if that is the first of its chunk;
  /// INT64_MAX if there is none.
  Millis FirstChunkFrom(Millis t) const;

  /// The chunks that overlap [from, to], oldest first; the open one is closed for it.
  void Collect(Millis from, Millis to, std::vector<ChunkRef>* out) const;
  /// As Collect, but open floats are noted as they are. Returns whether anything was noted.
  bool Note(const ReadRange& range, NotedChunks* out) const;
  /// Closes the open chunk if it begins before `t`.
  void CloseBefore(Millis t);
  /// Forgets closed chunks that Collect gave. One that was rewritten since for a late sample stays.
  void Drop(const std::vector<ChunkRef>& chunks);

  size_t ChunkCount() const { return closed_.size() + (open_empty() ? 0 : 1); }
  size_t SampleCount() const;
  /// Bytes of coded samples.
  size_t ChunkBytes() const;

 private:
  bool open_empty() const { return open_.empty() && histograms_ == nullptr; }
  bool OpenTakes(const Point& point) const;
  void CloseOpen();
  ChunkRef SealOpen() const;
  /// Replaces the closed chunk of that index by chunks of the points; the index of the number of
  /// closed chunks stands for the open one.
  void Rewrite(size_t index, const std::vector<Point>& points);
  Result<std::vector<Point>> PointsOfChunk(size_t index) const;
  /// The chunk, by index, that a sample of time `t` belongs in; nullopt: one of its own, at
  /// `*place`.
  std::optional<size_t> ChunkFor(Millis t, size_t* place) const;

  std::vector<ChunkRef> closed_;
  // At most one of the two is not empty.
  OpenChunk open_;
  std::unique_ptr<OpenHistograms> histograms_;
};

}  // namespace tocsin::storage
