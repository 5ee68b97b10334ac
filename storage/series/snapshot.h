/// A snapshot of the head: everything that the sample log before a certain segment says, so that
/// this part of the log need not be kept. Byte layout: storage/FORMAT.md, "Head snapshot".

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ports.h"
#include "storage/series/head.h"
#include "storage/series/label_index.h"

namespace tocsin::storage {

struct SnapshotHeader {
  uint64_t log_segment = 0;  ///< The first segment to replay on top.
  SeriesId next_id = 1;      ///< No series has this number or a higher one.
  /// Samples before this time are refused: they belong to blocks that are written.
  Millis min_time = 0;
};

/// A series with samples in the head, or with exemplars.
struct SnapshotSeries {
  SeriesId id = kNoSeries;
  Labels labels;
  std::vector<ChunkRef> chunks;  ///< Oldest first; the last is still open.
};

/// Collects a snapshot. Memory: the compressed size, and a megabyte.
class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(const SnapshotHeader& header);
  void Add(const SnapshotSeries& series);
  /// In the order in which they were appended.
  void Add(SeriesId series, const Exemplar& exemplar);
  std::string Finish() &&;

 private:
  void EndSection();

  std::string out_;
  std::string section_;  ///< What is not sealed yet.
  uint64_t items_ = 0;
};

struct SnapshotVisitor {
  std::function<void(SnapshotSeries&&)> series;
  std::function<void(SeriesId, Exemplar&&)> exemplar;
};

/// Gives what a snapshot holds to the visitor, in the order of the builder's calls. kCorruption for
/// anything that Finish() did not return; part of it may then have been visited.
Result<SnapshotHeader> ReadSnapshot(std::string_view bytes, const SnapshotVisitor& visitor);

}  // namespace tocsin::storage
