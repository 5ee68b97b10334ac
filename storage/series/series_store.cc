// The store's life: opening, recovery, and what is said of it. The other parts of the class:
// series_append.cc, series_query.cc, series_maintenance.cc, series_admin.cc.

#include "storage/series/series_store.h"

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"
#include "storage/series/metadata_file.h"
#include "storage/series/series_files.h"
#include "storage/series/series_metrics.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

// With a bound on bytes, a volume is at most this part of it.
constexpr uint64_t kVolumesInBound = 32;
constexpr uint64_t kMinVolumeBytes = uint64_t{4} << 20;
// No sample is earlier: keeps arithmetic on times from overflowing.
constexpr Millis kMinTime = INT64_MIN / 4;

}  // namespace

SeriesStore::SeriesStore(SeriesStoreOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<Metrics>(*options_.telemetry)),
      exemplars_(options_.max_exemplars) {}

SeriesStore::~SeriesStore() {
  const std::lock_guard lock(maintain_mutex_);
  if (blocks_ == nullptr) return;  // Never opened.
  if (const Status written = WriteMetadata(); !written.ok()) {
    log::Warn("series store: metadata is not written", {{"reason", written.message()}});
  }
}

Result<std::unique_ptr<SeriesStore>> SeriesStore::Open(SeriesStoreOptions options) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options.directory));
  std::unique_ptr<SeriesStore> store(new SeriesStore(std::move(options)));
  TOCSIN_RETURN_IF_ERROR(store->Recover());
  return store;
}

void SeriesStore::Define(SeriesId id, const Labels& labels) {
  if (!index_.Knows(id) && index_.Find(labels) == kNoSeries && labels.size() <= kMaxLabels) {
    index_.Add(id, labels);
  }
  next_id_ = std::max(next_id_, id + 1);
  static_cast<void>(series_.At(id));
}

Status SeriesStore::OpenBlocks() {
  BlockStore::Options options;
  options.directory = options_.directory + "/blocks";
  options.telemetry = options_.telemetry;
  if (options_.max_bytes > 0) {
    options.volume_bytes = std::max(options_.max_bytes / kVolumesInBound, kMinVolumeBytes);
  }
  TOCSIN_ASSIGN_OR_RETURN(
      blocks_,
      BlockStore::Open(options, [&](SeriesId id, const Labels& labels) { Define(id, labels); }));
  min_time_ = kMinTime;
  for (const auto& block : blocks_->blocks()) {
    std::vector<SeriesId> ids = block->series().Ids();
    std::erase_if(ids, [this](SeriesId id) { return !index_.Knows(id); });
    index_.List(ids);
    min_time_ = std::max(min_time_, block->end());
  }
  return {};
}

Status SeriesStore::Recover() {
  TOCSIN_RETURN_IF_ERROR(OpenBlocks());
  TOCSIN_RETURN_IF_ERROR(LoadSnapshot(&snapshot_segment_));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<MetricMetadata> metadata,
                          ReadMetadataFile(MetadataPath(options_.directory)));
  for (const MetricMetadata& entry : metadata) metadata_.insert_or_assign(entry.family, entry);
  SampleLog::Options log_options;
  log_options.directory = options_.directory + "/log";
  log_options.sync_always = options_.sync_always;
  log_options.clock = options_.clock;
  TOCSIN_ASSIGN_OR_RETURN(
      log_, SampleLog::Open(log_options, snapshot_segment_,
                            [&](const SampleLogRecord& record) { ReplayRecord(record); }));
  index_.Order();
  head_changed_ = true;
  CollectGarbage();
  UpdateGauges();
  return {};
}

Status SeriesStore::LoadSeries(SnapshotSeries&& found) {
  Define(found.id, found.labels);
  if (!index_.Knows(found.id)) return {};
  index_.List({&found.id, 1});
  if (found.chunks.empty()) return {};
  Series& series = series_.At(found.id);
  if (!series.head.empty()) return CorruptionError("a series stands twice in the snapshot");
  series.last_t = found.chunks.back().last_t;
  max_time_ = std::max(max_time_, series.last_t);
  for (const ChunkRef& chunk : found.chunks) {
    if (chunk.last_t < min_time_) late_samples_ += chunk.count;
  }
  return series.head.Restore(std::move(found.chunks));
}

Status SeriesStore::LoadSnapshot(uint64_t* log_segment) {
  const std::string path = SnapshotPath(options_.directory);
  const Result<std::string> bytes = ReadFile(path);
  if (!bytes.has_value()) {
    return bytes.error().code() == StatusCode::kNotFound ? Status() : bytes.error();
  }
  snapshot_bytes_ = bytes->size();
  Status damage;
  Millis min_time = kMinTime;  // As it was when the snapshot was written.
  auto tombstones = std::make_shared<Tombstones>();
  SnapshotVisitor visitor;
  visitor.header = [&](const SnapshotHeader& header) { min_time = header.min_time; };
  // They stand before their series: what is of none is never asked for.
  visitor.exemplar = [&](SeriesId id, Exemplar&& exemplar) { exemplars_.Add(id, exemplar); };
  visitor.tombstone = [&](Tombstone&& tombstone) { tombstones->push_back(std::move(tombstone)); };
  visitor.series = [&](SnapshotSeries&& found) {
    // What went to a block since; late samples did not.
    std::erase_if(found.chunks, [&](const ChunkRef& chunk) {
      return chunk.last_t < min_time_ && chunk.last_t >= min_time;
    });
    if (Status loaded = LoadSeries(std::move(found)); !loaded.ok()) damage = std::move(loaded);
  };
  const Result<SnapshotHeader> header = ReadSnapshot(*bytes, visitor);
  tombstones_ = std::move(tombstones);
  if (!header.has_value()) damage = header.error();
  if (!damage.ok()) {
    ++stats_.damaged;
    // What could be read stays, and so does the file, for whoever wants to look at it.
    log::Error("series store: the head snapshot is damaged",
               {{"path", path}, {"reason", damage.message()}});
    if (const auto kept = WriteFileAtomically(path + ".damaged", *bytes); !kept.ok()) return kept;
    return RemoveFile(path);
  }
  *log_segment = header->log_segment;
  next_id_ = std::max(next_id_, header->next_id);
  min_time_ = std::max(min_time_, header->min_time);
  blocks_->ReserveNumbers(header->next_block);
  return {};
}

void SeriesStore::ReplayPoint(SeriesId id, const Point& point, Millis min_time) {
  if (!index_.Knows(id)) return;
  if (point.t < min_time_ && point.t >= min_time) return;  // It went to a block since.
  Series& series = series_.At(id);
  if (point.t > series.last_t) {
    series.head.Append(point);
    series.last_t = point.t;
    max_time_ = std::max(max_time_, point.t);
  } else if (series.head.Find(point.t).has_value() || !series.head.Insert(point).ok()) {
    return;
  }
  if (point.t < min_time_) ++late_samples_;
}

void SeriesStore::ReplayRecord(const SampleLogRecord& record) {
  for (const auto& [id, labels] : record.definitions) {
    Define(id, labels);
    if (index_.Knows(id)) index_.List({&id, 1});
  }
  // A record of the first version says no time, and has no late samples.
  const Millis min_time = record.min_time;
  ForEachInOrder(record.samples, record.histograms, [&](SeriesRef ref, const Point& point) {
    ReplayPoint(static_cast<SeriesId>(ref), point, min_time);
  });
  for (const RefExemplar& exemplar : record.exemplars) {
    const auto id = static_cast<SeriesId>(exemplar.series);
    if (index_.Knows(id)) exemplars_.Add(id, exemplar.exemplar);
  }
  if (!record.deletion.has_value()) return;
  for (const SeriesId id : record.deletion->series) {
    Series* const series = series_.Find(id);
    if (series == nullptr) continue;
    const Status deleted = series->head.Delete(record.deletion->from, record.deletion->to);
    if (!deleted.ok()) log::Error("series store: a deletion", {{"reason", deleted.message()}});
  }
  blocks_->ReserveNumbers(record.deletion->block);
  auto tombstones = std::make_shared<Tombstones>(*tombstones_);
  tombstones->push_back(*record.deletion);
  tombstones_ = std::move(tombstones);
  garbage_ = true;
}

Labels SeriesStore::LabelsOf(SeriesRef series) const {
  const std::shared_lock lock(mutex_);
  if (series > UINT32_MAX || !index_.Knows(static_cast<SeriesId>(series))) return {};
  return index_.LabelsOf(static_cast<SeriesId>(series));
}

void SeriesStore::SetMetadata(std::span<const MetricMetadata> metadata) {
  const std::unique_lock lock(mutex_);
  for (const MetricMetadata& entry : metadata) {
    const auto found = metadata_.find(entry.family);
    if (found != metadata_.end() && found->second == entry) continue;
    if (found == metadata_.end() && metadata_.size() >= kMaxMetadata) continue;
    metadata_.insert_or_assign(entry.family, entry);
    metadata_changed_ = true;
  }
}

std::optional<MetricMetadata> SeriesStore::MetadataOf(std::string_view family) const {
  const std::shared_lock lock(mutex_);
  const auto found = metadata_.find(family);
  return found == metadata_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<MetricMetadata> SeriesStore::AllMetadata() const {
  const std::shared_lock lock(mutex_);
  std::vector<MetricMetadata> all;
  all.reserve(metadata_.size());
  for (const auto& [family, entry] : metadata_) all.push_back(entry);
  return all;
}

uint64_t SeriesStore::DiskBytes() const {
  const std::shared_lock lock(mutex_);
  return log_->Bytes() + snapshot_bytes_ + blocks_->Bytes();
}

void SeriesStore::UpdateGauges() {
  const std::shared_lock lock(mutex_);
  metrics_->series.Set(static_cast<double>(index_.listed()));
  metrics_->blocks.Set(static_cast<double>(blocks_->blocks().size()));
  metrics_->block_bytes.Set(static_cast<double>(blocks_->Bytes()));
  metrics_->log_bytes.Set(static_cast<double>(log_->Bytes() + snapshot_bytes_));
}

SeriesStoreStats SeriesStore::Stats() const {
  const std::shared_lock lock(mutex_);
  SeriesStoreStats stats = stats_;
  stats.series = index_.listed();
  stats.blocks = blocks_->blocks().size();
  stats.tombstones = tombstones_->size();
  stats.damaged += log_->damaged_segments() + blocks_->damaged();
  series_.ForEach([&](SeriesId, const Series& series) {
    stats.head_chunk_bytes += series.head.ChunkBytes();
    stats.head_samples += series.head.SampleCount();
  });
  return stats;
}

}  // namespace tocsin::storage
