/// The sealed past of the series store: blocks of two hours in a sequence of volumes.
///
/// A block is the chunks of all series that have samples in its two hours, one value a series. It
/// exists once its footer is written, and is never changed. Volumes hold the blocks of about a day;
/// retention removes whole volumes. Byte layout: storage/FORMAT.md, "Sample blocks".

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/labels.h"
#include "storage/series/head.h"
#include "storage/series/label_index.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

/// A set of series, one bit each.
class SeriesSet {
 public:
  void Add(SeriesId id);
  bool Has(SeriesId id) const {
    return id / 64 < words_.size() && (words_[id / 64] >> (id % 64) & 1) != 0;
  }
  size_t size() const { return size_; }

 private:
  std::vector<uint64_t> words_;
  size_t size_ = 0;
};

/// Reads one block. Thread-safe; keeps its volume alive, and on disk, while it lives.
class SampleBlock {
 public:
  Millis start() const { return start_; }
  Millis end() const { return start_ + kBlockMillis; }
  const SeriesSet& series() const { return series_; }

  /// Appends the samples of the series in [from, to]; none if the block does not have it.
  Status Read(SeriesId id, Millis from, Millis to, std::vector<Sample>* out) const;

 private:
  friend class BlockStore;
  struct VolumeFiles;

  Millis start_ = 0;
  SeriesSet series_;
  std::shared_ptr<VolumeFiles> volume_;
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
  using SeriesDefinition = std::function<void(SeriesId, const Labels&)>;
  using LabelsOf = std::function<Labels(SeriesId)>;

  /// Opens all volumes and tells the series of every block to `define`, each at least once. A
  /// volume that cannot be opened is logged and left out; the others serve.
  static Result<std::unique_ptr<BlockStore>> Open(Options options, const SeriesDefinition& define);

  /// The blocks, oldest first.
  const std::vector<std::shared_ptr<const SampleBlock>>& blocks() const { return blocks_; }

  /// A new block's chunks, by ascending id; none of them empty.
  struct SeriesChunks {
    SeriesId id = kNoSeries;
    std::vector<ChunkRef> chunks;
  };
  /// Writes a block; it is durable when this returns, and is in blocks() after Publish. After an
  /// error there is no such block, and the same call may be tried again.
  /// REQUIRES: start is later than that of every block there.
  Result<std::shared_ptr<const SampleBlock>> Write(Millis start,
                                                   const std::vector<SeriesChunks>& series,
                                                   const LabelsOf& labels_of);
  void Publish(std::shared_ptr<const SampleBlock> block);

  /// Takes the oldest volume out of blocks(). Its directory is removed when the last reader of its
  /// blocks, and the caller, have let go of it. REQUIRES: volumes() > 0.
  std::shared_ptr<const void> DropOldest();
  /// The end of the newest block of the oldest volume; of a volume that could not be opened, the
  /// latest that it may be. REQUIRES: volumes() > 0.
  Millis OldestVolumeEnd() const;
  size_t volumes() const { return volumes_.size(); }

  uint64_t Bytes() const;

 private:
  explicit BlockStore(Options options) : options_(std::move(options)) {}

  Status OpenVolumes(const SeriesDefinition& define);
  Status LoadBlocks(const std::shared_ptr<SampleBlock::VolumeFiles>& volume,
                    const SeriesDefinition& define);
  Result<std::shared_ptr<SampleBlock::VolumeFiles>> VolumeFor(Millis start);

  const Options options_;
  std::vector<std::shared_ptr<SampleBlock::VolumeFiles>> volumes_;  ///< Oldest first.
  std::vector<std::shared_ptr<const SampleBlock>> blocks_;
};

}  // namespace tocsin::storage
