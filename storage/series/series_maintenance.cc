// What the store does now and then: blocks, snapshots of the head, retention.

#include <algorithm>
#include <set>
#include <utility>

#include "cpp/base/log.h"
#include "storage/series/metadata_file.h"
#include "storage/series/replacing_file.h"
#include "storage/series/series_files.h"
#include "storage/series/series_store.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

// The head keeps a block for an hour after its end: writers may lag behind one another.
constexpr Millis kBlockDelay = kBlockMillis / 2;
// Late samples wait in the head for the next block that is due, unless they are this many.
constexpr uint64_t kMaxLateSamples = 4'000'000;
// A snapshot is due when the log behind the last one is half as large as it was, and at least this:
// a restart replays that much.
constexpr uint64_t kMinSnapshotLogBytes = uint64_t{4} << 20;
// The log that is kept for readers is at most this part of the bound on bytes.
constexpr uint64_t kLogsInBound = 4;

/// The chunk that open floats make when they are closed.
ChunkRef Close(const NotedChunks::Open& open, const std::string& arena) {
  std::vector<Sample> samples;
  ReadOpenFloats(Rebase(open.floats, arena.data() + open.offset), &samples);
  ChunkRef chunk = ChunkRef::Copy(EncodeFloats(samples, open.starts));
  chunk.count = static_cast<uint8_t>(open.floats.extent.count);
  chunk.first_t = open.floats.extent.first_t;
  chunk.last_t = open.floats.extent.last_t;
  return chunk;
}

}  // namespace

Status SeriesStore::Sync() {
  const std::lock_guard lock(append_mutex_);
  return log_->Sync();
}

std::optional<Millis> SeriesStore::DueBefore() const {
  const std::shared_lock lock(mutex_);
  Millis oldest = INT64_MAX;
  series_.ForEach([&](SeriesId, const Series& series) {
    if (!series.head.empty()) oldest = std::min(oldest, series.head.FirstChunkFrom(min_time_));
  });
  if (oldest != INT64_MAX) {
    const Millis end = BlockOf(oldest) + kBlockMillis;
    if (max_time_ >= end + kBlockDelay) return end;
  }
  return late_samples_ >= kMaxLateSamples ? std::optional(min_time_) : std::nullopt;
}

Status SeriesStore::FlushDueBlocks() {
  while (const std::optional<Millis> end = DueBefore()) {
    TOCSIN_RETURN_IF_ERROR(FlushBefore(*end));
  }
  return {};
}

Status SeriesStore::FlushBefore(Millis end) {
  std::set<Millis> starts;
  {
    // From here on samples before `end` are late ones.
    const std::lock_guard append_lock(append_mutex_);
    const std::unique_lock lock(mutex_);
    min_time_ = std::max(min_time_, end);
    late_samples_ = 0;
    std::vector<ChunkRef> chunks;
    series_.ForEach([&](SeriesId, Series& series) {
      if (series.head.empty() || series.head.first_t() >= end) return;
      series.head.CloseBefore(end);
      chunks.clear();
      series.head.Collect(INT64_MIN, end - 1, &chunks);
      for (const ChunkRef& chunk : chunks) starts.insert(BlockOf(chunk.first_t));
    });
  }
  // What was late goes to a further block of its time. The next snapshot forgets it; until then a
  // crash would only find it twice.
  const bool late = starts.size() > 1 || (!starts.empty() && *starts.begin() + kBlockMillis < end);
  for (const Millis start : starts) {
    if (Status flushed = FlushBlock(start); !flushed.ok()) {
      const std::unique_lock lock(mutex_);
      late_samples_ = kMaxLateSamples;  // They are due at once: the next call tries again.
      return flushed;
    }
  }
  return late ? WriteSnapshot() : Status();
}

Status SeriesStore::FlushBlock(Millis start) {
  BlockStore::Contents contents;
  contents.start = start;
  {
    const std::unique_lock lock(mutex_);
    index_.Order();
    for (const SeriesId id : index_.order()) {
      BlockSeries found{id, {}};
      series_[id].head.Collect(start, start + kBlockMillis - 1, &found.chunks);
      if (!found.chunks.empty()) contents.series.push_back(std::move(found));
    }
    if (std::ranges::any_of(blocks_->blocks(),
                            [&](const auto& block) { return block->start() == start; })) {
      contents.level = 2;
    }
  }
  auto block = blocks_->Write(contents, [this](SeriesId id) { return LabelsOf(id); });
  if (!block.has_value()) return std::move(block).error().WithContext("writing a sample block");

  const std::lock_guard append_lock(append_mutex_);
  const std::unique_lock lock(mutex_);
  blocks_->Publish(*std::move(block));
  for (const BlockSeries& written : contents.series) {
    series_[written.id].head.Drop(written.chunks);
  }
  head_changed_ = true;
  garbage_ = true;
  return {};
}

Status SeriesStore::WriteSnapshot() {
  struct Item {
    SeriesId id;
    size_t closed_end;
    size_t open_end;
  };
  SnapshotHeader header;
  std::vector<Item> items;
  NotedChunks chunks;
  TOCSIN_ASSIGN_OR_RETURN(ReplacingFile file,
                          ReplacingFile::Create(SnapshotPath(options_.directory)));
  std::optional<SnapshotBuilder> builder;
  {
    const std::lock_guard append_lock(append_mutex_);
    if (!head_changed_) return {};
    TOCSIN_ASSIGN_OR_RETURN(header.log_segment, log_->Roll());
    const std::shared_lock lock(mutex_);
    header.next_id = next_id_;
    header.min_time = min_time_;
    header.next_block = blocks_->next_number();
    builder.emplace(header, [&](std::string_view bytes) { return file.Write(bytes); });
    for (const Tombstone& tombstone : *tombstones_) builder->Add(tombstone);
    exemplars_.ForEach(INT64_MIN, INT64_MAX,
                       [&](SeriesId id, const Exemplar& exemplar) { builder->Add(id, exemplar); });
    const std::vector<SeriesId> with_exemplars = exemplars_.Series();
    series_.ForEach([&](SeriesId id, const Series& series) {
      const bool noted = !series.head.empty() && series.head.Note({}, &chunks);
      if (noted || std::ranges::binary_search(with_exemplars, id)) {
        items.push_back({id, chunks.closed.size(), chunks.open.size()});
      }
    });
    head_changed_ = false;
  }
  size_t closed = 0;
  size_t open = 0;
  for (const Item& item : items) {
    SnapshotSeries series;
    series.id = item.id;
    series.labels = LabelsOf(item.id);
    for (; closed < item.closed_end; ++closed) {
      series.chunks.push_back(std::move(chunks.closed[closed]));
    }
    for (; open < item.open_end; ++open) {
      series.chunks.push_back(Close(chunks.open[open], chunks.arena));
    }
    builder->Add(series);
  }
  Status written = builder->Finish();
  if (written.ok()) written = file.Commit();
  if (!written.ok()) {
    const std::lock_guard append_lock(append_mutex_);
    head_changed_ = true;
    return written;
  }
  snapshot_segment_ = header.log_segment;
  snapshot_bytes_ = file.size();
  return {};
}

Status SeriesStore::WriteMetadata() {
  {
    const std::unique_lock lock(mutex_);
    if (!std::exchange(metadata_changed_, false)) return {};
  }
  const Status written = WriteMetadataFile(MetadataPath(options_.directory), AllMetadata());
  if (!written.ok()) {
    const std::unique_lock lock(mutex_);
    metadata_changed_ = true;
  }
  return written;
}

Status SeriesStore::Expire() {
  const Nanos now = options_.clock->Now();
  uint64_t log_bytes = options_.log_keep_bytes;
  if (options_.max_bytes > 0) log_bytes = std::min(log_bytes, options_.max_bytes / kLogsInBound);
  TOCSIN_RETURN_IF_ERROR(log_->Trim(snapshot_segment_, now - options_.log_keep, log_bytes));
  const Millis keep_from =
      options_.retention > 0 ? (now - options_.retention) / kMillisecond : INT64_MIN;
  while (blocks_->volumes() > 0) {
    const bool expired = blocks_->OldestVolumeEnd() <= keep_from;
    if (!expired && (options_.max_bytes == 0 || DiskBytes() <= options_.max_bytes)) break;
    std::shared_ptr<const void> dropped;  // Let go of without the lock: it removes files.
    const std::unique_lock lock(mutex_);
    dropped = blocks_->DropOldest();
    garbage_ = true;
  }
  return {};
}

void SeriesStore::CollectGarbage() {
  const std::unique_lock lock(mutex_);
  if (!std::exchange(garbage_, false)) return;
  index_.Order();
  const std::vector<SeriesId> with_exemplars = exemplars_.Series();
  std::vector<SeriesId> gone;
  for (const SeriesId id : index_.order()) {
    if (!series_[id].head.empty() || std::ranges::binary_search(with_exemplars, id)) continue;
    const bool in_block = std::ranges::any_of(
        blocks_->blocks(), [id](const auto& block) { return block->series().Has(id); });
    if (!in_block) gone.push_back(id);
  }
  index_.Unlist(gone);
  // Deletions of which no block is left.
  auto tombstones = std::make_shared<Tombstones>(*tombstones_);
  std::erase_if(*tombstones, [&](const Tombstone& tombstone) {
    return std::ranges::none_of(blocks_->blocks(), [&](const auto& block) {
      return block->number() < tombstone.block && block->Overlaps(tombstone.from, tombstone.to);
    });
  });
  tombstones_ = std::move(tombstones);
}

Status SeriesStore::Maintain() {
  const std::lock_guard lock(maintain_mutex_);
  // Expiry first: it is what makes room for the others.
  TOCSIN_RETURN_IF_ERROR(Expire());
  TOCSIN_RETURN_IF_ERROR(RemoveReplaced());
  TOCSIN_RETURN_IF_ERROR(FlushDueBlocks());
  if (log_->BytesFrom(snapshot_segment_) >=
      std::max(kMinSnapshotLogBytes, snapshot_bytes_.load() / 2)) {
    TOCSIN_RETURN_IF_ERROR(WriteSnapshot());
  }
  TOCSIN_RETURN_IF_ERROR(WriteMetadata());
  TOCSIN_RETURN_IF_ERROR(Expire());
  CollectGarbage();
  UpdateGauges();
  return {};
}

Status SeriesStore::Flush() {
  TOCSIN_RETURN_IF_ERROR(Maintain());
  const std::lock_guard lock(maintain_mutex_);
  TOCSIN_RETURN_IF_ERROR(WriteSnapshot());
  return Expire();
}

}  // namespace tocsin::storage
