// Administration: statistics, deletion, snapshots.

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <random>
#include <system_error>
#include <utility>

#include "cpp/base/civil_time.h"
#include "cpp/base/log.h"
#include "storage/series/metadata_file.h"
#include "storage/series/series_files.h"
#include "storage/series/series_store.h"
#include "storage/volume/files.h"

namespace tocsin::storage {

using promql::Matcher;

promql::HeadStatistics SeriesStore::HeadStats(size_t top) const {
  promql::HeadStatistics stats;
  const std::shared_lock lock(mutex_);
  index_.Describe(top, &stats);
  Millis first = INT64_MAX;
  Millis last = INT64_MIN;
  series_.ForEach([&](SeriesId, const Series& series) {
    if (series.head.empty()) return;
    stats.chunks += series.head.ChunkCount();
    first = std::min(first, series.head.first_t());
    last = std::max(last, series.head.last_t());
  });
  if (stats.chunks > 0) {
    stats.min_time = first;
    stats.max_time = last;
  }
  return stats;
}

std::vector<promql::BlockStatistics> SeriesStore::Blocks() const {
  const std::shared_lock lock(mutex_);
  std::vector<promql::BlockStatistics> out;
  for (const auto& block : blocks_->blocks()) {
    std::array<char, 64> id{};
    std::snprintf(id.data(), id.size(), "%lld-%llu", static_cast<long long>(block->start() / 1'000),
                  static_cast<unsigned long long>(block->number()));
    out.push_back({.id = id.data(),
                   .min_time = block->start(),
                   .max_time = block->end(),
                   .series = block->series().size(),
                   .samples = block->totals().samples,
                   .chunks = block->totals().chunks,
                   .level = block->totals().level});
  }
  return out;
}

promql::ReplayProgress SeriesStore::Replay() const {
  const auto [first, last] = log_->replayed();
  return {.first_segment = first, .last_segment = last, .current_segment = last, .done = true};
}

Status SeriesStore::DeleteSeries(std::span<const Matcher> matchers, Millis from, Millis to) {
  if (std::ranges::all_of(matchers, [](const Matcher& matcher) { return matcher.Matches(""); })) {
    return InvalidArgumentError("match[] must contain at least one non-empty matcher");
  }
  if (from > to) return {};
  const std::lock_guard maintain_lock(maintain_mutex_);
  const std::lock_guard append_lock(append_mutex_);
  Tombstone tombstone{from, to, blocks_->next_number(), {}};
  {
    const std::unique_lock lock(mutex_);
    index_.Order();
    tombstone.series = index_.Match(matchers);
  }
  if (tombstone.series.empty()) return {};
  std::ranges::sort(tombstone.series);
  TOCSIN_RETURN_IF_ERROR(log_->Append(tombstone));
  head_changed_ = true;
  const std::unique_lock lock(mutex_);
  for (const SeriesId id : tombstone.series) {
    // A chunk that does not decode keeps its samples, and its queries fail as before.
    const Status deleted = series_[id].head.Delete(from, to);
    if (!deleted.ok()) log::Error("series store: a deletion", {{"reason", deleted.message()}});
  }
  auto tombstones = std::make_shared<Tombstones>(*tombstones_);
  tombstones->push_back(std::move(tombstone));
  tombstones_ = std::move(tombstones);
  garbage_ = true;
  return {};
}

Status SeriesStore::CleanBlock(const std::shared_ptr<const SampleBlock>& block,
                               const Tombstones& tombstones) {
  BlockStore::Contents contents;
  contents.start = block->start();
  contents.level = block->totals().level;
  bool changed = false;
  Status read = block->ForEach([&](BlockSeries&& series) -> Status {
    HeadSeries rest;
    TOCSIN_RETURN_IF_ERROR(rest.Restore(series.chunks));
    bool touched = false;
    for (const Tombstone& tombstone : tombstones) {
      if (block->number() >= tombstone.block ||
          !std::ranges::binary_search(tombstone.series, series.id)) {
        continue;
      }
      TOCSIN_RETURN_IF_ERROR(rest.Delete(tombstone.from, tombstone.to));
      touched = true;
    }
    if (touched) {
      changed = true;
      series.chunks.clear();
      rest.Collect(INT64_MIN, INT64_MAX, &series.chunks);
    }
    if (!series.chunks.empty()) contents.series.push_back(std::move(series));
    return {};
  });
  if (!read.ok()) return read;
  if (!changed) return {};
  {
    const std::unique_lock lock(mutex_);
    index_.Order();
    // The first version has them by number.
    std::ranges::sort(contents.series, {},
                      [this](const BlockSeries& series) { return index_.RankOf(series.id); });
  }
  auto written = blocks_->Rewrite(*block, contents, [this](SeriesId id) { return LabelsOf(id); });
  if (!written.has_value()) return std::move(written).error().WithContext("rewriting a block");
  const std::unique_lock lock(mutex_);
  blocks_->Replace(*block, *std::move(written));
  replaced_.push_back(block);
  garbage_ = true;
  return {};
}

Status SeriesStore::RemoveReplaced() {
  for (auto it = replaced_.begin(); it != replaced_.end();) {
    if (it->use_count() > 1) {  // A query still reads it.
      ++it;
      continue;
    }
    TOCSIN_RETURN_IF_ERROR(blocks_->RemoveGroups(**it));
    it = replaced_.erase(it);
  }
  return {};
}

Status SeriesStore::CleanTombstones() {
  const std::lock_guard maintain_lock(maintain_mutex_);
  std::vector<std::shared_ptr<const SampleBlock>> blocks;
  std::shared_ptr<const Tombstones> tombstones;
  {
    const std::shared_lock lock(mutex_);
    blocks = blocks_->blocks();
    tombstones = tombstones_;
  }
  for (const auto& block : blocks) {
    if (std::ranges::any_of(*tombstones, [&](const Tombstone& tombstone) {
          return block->number() < tombstone.block && block->Overlaps(tombstone.from, tombstone.to);
        })) {
      TOCSIN_RETURN_IF_ERROR(CleanBlock(block, *tombstones));
    }
  }
  blocks.clear();
  {
    const std::lock_guard append_lock(append_mutex_);
    const std::unique_lock lock(mutex_);
    tombstones_ = std::make_shared<const Tombstones>();
    head_changed_ = true;
  }
  TOCSIN_RETURN_IF_ERROR(RemoveReplaced());
  CollectGarbage();
  return {};
}

Result<std::string> SeriesStore::Snapshot(bool skip_head) {
  std::random_device random;
  const CivilTime now = ToCivil(options_.clock->Now() / kSecond);
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%04lld%02d%02dT%02d%02d%02dZ-%08x%08x",
                static_cast<long long>(now.year), now.month, now.day, now.hour, now.minute,
                now.second, random(), random());
  std::string name = text.data();
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options_.directory + "/snapshots"));
  TOCSIN_RETURN_IF_ERROR(SnapshotTo(options_.directory + "/snapshots/" + name, skip_head));
  return name;
}

Status SeriesStore::SnapshotTo(const std::string& directory, bool skip_head) {
  const std::lock_guard maintain_lock(maintain_mutex_);
  std::error_code error;
  if (std::filesystem::exists(directory, error)) return AlreadyExistsError(directory + " exists");
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(directory));
  if (!skip_head) {
    TOCSIN_RETURN_IF_ERROR(WriteSnapshot());
    const std::string from = SnapshotPath(options_.directory);
    if (std::filesystem::exists(from, error)) {
      TOCSIN_RETURN_IF_ERROR(LinkOrCopyFile(from, SnapshotPath(directory)));
    }
  }
  TOCSIN_RETURN_IF_ERROR(WriteMetadataFile(MetadataPath(directory), AllMetadata()));
  TOCSIN_RETURN_IF_ERROR(blocks_->Snapshot(directory + "/blocks"));
  return SyncDirectory(directory);
}

}  // namespace tocsin::storage
