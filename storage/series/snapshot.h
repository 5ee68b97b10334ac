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
#include "storage/series/chunk.h"
#include "storage/series/label_index.h"
#include "storage/series/log_record.h"

namespace tocsin::storage {

struct SnapshotHeader {
  uint64_t log_segment = 0;  ///< The first segment to replay on top.
  SeriesId next_id = 1;      ///< No series has this number or a higher one.
  /// Samples before this time belong to blocks that are written, unless they came late.
  Millis min_time = 0;
  uint64_t next_block = 1;  ///< No block has this number or a higher one.
};

/// A series with samples in the head, or with exemplars.
struct SnapshotSeries {
  SeriesId id = kNoSeries;
  Labels labels;
  std::vector<ChunkRef> chunks;  ///< Oldest first; the last is still open.
};

/// Writes a snapshot, a megabyte at a time. After the first error of the sink nothing more is
/// written, and Finish returns that error.
class SnapshotBuilder {
 public:
  using Sink = std::function<Status(std::string_view)>;

  SnapshotBuilder(const SnapshotHeader& header, Sink sink);
  void Add(const SnapshotSeries& series);
  /// In the order in which they were appended.
  void Add(SeriesId series, const Exemplar& exemplar);
  void Add(const Tombstone& tombstone);
  Status Finish();

 private:
  void BeginItem(char item);
  void EndSection();

  Sink sink_;
  Status status_;
  std::string section_;  ///< What is not sealed yet.
  uint64_t items_ = 0;
};

struct SnapshotVisitor {
  std::function<void(const SnapshotHeader&)> header;  ///< Before all others.
  std::function<void(SnapshotSeries&&)> series;
  std::function<void(SeriesId, Exemplar&&)> exemplar;
  std::function<void(Tombstone&&)> tombstone;
};

/// Gives what a snapshot holds to the visitor, in the order of the builder's calls. kCorruption for
/// anything that no builder wrote; part of it may then have been visited.
Result<SnapshotHeader> ReadSnapshot(std::string_view bytes, const SnapshotVisitor& visitor);

}  // namespace tocsin::storage
