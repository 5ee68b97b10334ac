/// The sealed past of the series store: blocks of two hours in a sequence of volumes.
///
/// A block is the chunks of all series that have samples in its two hours, in groups of series that
/// follow one another in the order of labels. It exists once its footer is written, and is never
/// changed, only replaced as a whole by one without deleted samples. Samples that come after the
/// block of their time make a further one of level 2. Volumes hold the blocks of about a day;
/// retention removes whole volumes. Byte layout: storage/FORMAT.md, "Sample blocks".

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/labels.h"
#include "storage/series/block_format.h"
#include "storage/series/series_set.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

/// One block. Immutable; keeps its volume alive, and on disk, while it lives.
class SampleBlock {
 public:
  Millis start() const { return name_.start; }
  Millis end() const { return name_.start + kBlockMillis; }
  /// Unique in the store and ascending in the order of writing; 0 for blocks of version 1.
  uint64_t number() const { return name_.number; }
  const BlockTotals& totals() const { return totals_; }
  const SeriesSet& series() const { return series_; }
  bool Overlaps(Millis from, Millis to) const { return start() <= to && end() > from; }
  /// The first series of each group, which stand in the order of labels.
  std::span<const SeriesId> groups() const { return groups_; }

  /// Calls `visit` with each series and its chunks; its error ends the visit. Thread-safe.
  Status ForEach(const std::function<Status(BlockSeries&&)>& visit) const;

 private:
  friend class BlockStore;
  friend class BlockReader;
  struct VolumeFiles;

  Result<std::vector<ChunkRef>> ReadVersion1(SeriesId id) const;
  Result<std::string> ReadGroup(size_t group) const;

  BlockName name_;
  bool version1_ = false;
  BlockTotals totals_;
  SeriesSet series_;
  std::vector<SeriesId> groups_;
  std::shared_ptr<VolumeFiles> volume_;
};

/// Reads the series of a block in the order of labels: each group is fetched once. Belongs to one
/// thread.
class BlockReader {
 public:
  /// `group_ranks`: the rank of the first series of each group, in an order of series in which the
  /// ids that Read is asked for ascend.
  BlockReader(std::shared_ptr<const SampleBlock> block, std::vector<uint32_t> group_ranks)
      : block_(std::move(block)), group_ranks_(std::move(group_ranks)) {}

  const SampleBlock& block() const { return *block_; }
  /// The chunks of the series; none if the block does not have it. `rank`: not below that of the
  /// last call.
  Result<std::vector<ChunkRef>> Read(SeriesId id, uint32_t rank);

 private:
  std::shared_ptr<const SampleBlock> block_;
  std::vector<uint32_t> group_ranks_;
  size_t group_ = SIZE_MAX;  ///< The one at hand.
  std::string body_;
  std::vector<std::pair<SeriesId, std::string_view>> series_;  ///< Views into body_.
  size_t next_ = 0;                                            ///< In series_: where to go on.
};

/// Not thread-safe, but Write may run while other threads call const functions.
class BlockStore {
 public:
  struct Options {
    std::string directory;
    /// A volume is closed when it holds the blocks of a day, or this many bytes.
    uint64_t volume_bytes = uint64_t{1} << 40;
    Telemetry* telemetry = &Telemetry::None();
  };
  using LabelsOf = std::function<Labels(SeriesId)>;
  using BlockPtr = std::shared_ptr<const SampleBlock>;

  /// Opens all volumes and tells the labels of the series of every block to `define`, each at least
  /// once. A volume that cannot be opened is logged and left out; the others serve.
  static Result<std::unique_ptr<BlockStore>> Open(Options options, const SeriesDefinition& define);

  /// The blocks, oldest first; those of the same time in the order of writing.
  const std::vector<BlockPtr>& blocks() const { return blocks_; }
  /// The number of the next block.
  uint64_t next_number() const { return next_number_; }
  void ReserveNumbers(uint64_t next) { next_number_ = std::max(next_number_, next); }

  struct Contents {
    Millis start = 0;
    uint32_t level = 1;
    std::vector<BlockSeries> series;  ///< In the order of labels.
  };
  /// Writes a block; it is durable when this returns, and is in blocks() after Publish. After an
  /// error there is no such block, and the same call may be tried again.
  Result<BlockPtr> Write(const Contents& contents, const LabelsOf& labels_of);
  void Publish(BlockPtr block);

  /// Writes a block in the place of `old`, in the same volume. When this returns the new one is
  /// durable and stands for the old one; Replace puts it into blocks(). After an error there is
  /// `old` and nothing else. kFailedPrecondition if the volume takes no writes.
  Result<BlockPtr> Rewrite(const SampleBlock& old, const Contents& contents,
                           const LabelsOf& labels_of);
  void Replace(const SampleBlock& old, BlockPtr block);
  /// Gives the room of a replaced block back. REQUIRES: nobody reads it any more.
  Status RemoveGroups(const SampleBlock& old);

  /// Takes the oldest volume out of blocks(). Its directory is removed when the last reader of its
  /// blocks, and the caller, have let go of it. REQUIRES: volumes() > 0.
  std::shared_ptr<const void> DropOldest();
  /// The end of the newest block of the oldest volume; of a volume that could not be opened, the
  /// latest that it may be. REQUIRES: volumes() > 0.
  Millis OldestVolumeEnd() const;
  size_t volumes() const { return volumes_.size(); }

  uint64_t Bytes() const;
  /// Volumes that were found damaged, as wholes or with blocks in them.
  uint64_t damaged() const { return damaged_; }

  /// A copy of all volumes under a new directory; hard links where the file system can.
  Status Snapshot(const std::string& directory) const;

 private:
  using VolumePtr = std::shared_ptr<SampleBlock::VolumeFiles>;

  explicit BlockStore(Options options) : options_(std::move(options)) {}

  Status OpenVolumes(const SeriesDefinition& define);
  Status LoadBlocks(const VolumePtr& volume, const SeriesDefinition& define);
  Result<VolumePtr> VolumeFor(Millis start);
  /// Writes the groups and prepares the footer; the block exists when that is written.
  struct Draft;
  Result<Draft> WriteGroups(const VolumePtr& volume, const Contents& contents,
                            const LabelsOf& labels_of, const SampleBlock* replaced);
  void Insert(BlockPtr block);

  const Options options_;
  std::vector<VolumePtr> volumes_;  ///< In the order of their numbers.
  std::vector<BlockPtr> blocks_;
  uint64_t next_number_ = 1;
  uint64_t damaged_ = 0;
};

}  // namespace tocsin::storage
