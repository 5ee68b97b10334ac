/// TraceIndex: which segments of one volume may have rows of a trace, without asking each.
///
/// For each trace of each segment there is one entry, a short fingerprint of the id and the
/// segment. Entries are in sorted runs: new ones in memory, where runs of like size are merged, and
/// those of many segments in parts on disk, of which a look-up reads a page. A fingerprint may
/// stand for another trace, and a segment may be gone: an answer is a hint that the segment itself
/// confirms; no answer is certain. Byte layout: storage/FORMAT.md, "Trace index".

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_set>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "storage/columnar/column_cache.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

/// Thread-safe.
class TraceIndex {
 public:
  /// `volume_number`: unique among the volumes that share a cache.
  explicit TraceIndex(uint64_t volume_number) : volume_number_(volume_number) {}

  /// The traces of a segment, each once, in any order.
  void Add(uint64_t segment, std::span<const TraceId> ids);

  /// Whether the segment was added, or is in a part that was loaded.
  bool Covers(uint64_t segment) const;

  /// Calls found(i, segment) for each of `ids` and each segment that may have it, in no particular
  /// order; for a trace and a segment perhaps twice. kCorruption if a page is damaged: then every
  /// segment may have any of them.
  using Found = std::function<void(size_t i, uint64_t segment)>;
  Status Find(std::span<const TraceId> ids, const Volume& volume, ColumnCache& cache,
              const Found& found) const;

  /// Finds the parts on disk. Damaged ones are left out: Covers() tells what is missing.
  Status Load(const Volume& volume);

  /// Entries that are only in memory.
  size_t MemoryEntries() const;
  /// Writes what is only in memory as a part, synced. With `live` everything is written anew as one
  /// part, without the entries of segments that `live` does not accept, in place of all others.
  using IsLive = std::function<bool(uint64_t segment)>;
  Status Store(Volume* volume, const IsLive& live = nullptr);

  /// Bytes of memory held, pages in the cache not counted.
  size_t MemoryBytes() const;

 private:
  struct Run;
  using RunPtr = std::shared_ptr<const Run>;
  using Entries = std::vector<uint64_t>;

  std::vector<RunPtr> Runs() const;
  Result<std::shared_ptr<const Entries>> Page(const Run& run, size_t page, const Volume& volume,
                                              ColumnCache* cache) const;
  Status FindInRun(const Run& run, std::span<const std::pair<uint64_t, size_t>> wanted,
                   const Volume& volume, ColumnCache& cache, const Found& found) const;
  Result<RunPtr> LoadPart(const Volume& volume, uint32_t part) const;
  static Run MergeRuns(const Run& a, const Run& b);
  Result<Run> WholeRun(const std::vector<RunPtr>& runs, const Volume& volume,
                       const IsLive& live) const;

  const uint64_t volume_number_;
  mutable std::mutex mutex_;
  std::vector<RunPtr> runs_;  // Parts first, then those in memory, oldest first.
  std::unordered_set<uint64_t> covered_;
  uint32_t next_part_ = 0;
};

}  // namespace tocsin::storage
