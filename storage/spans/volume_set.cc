#include "storage/spans/volume_set.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/log.h"
#include "storage/spans/merge_record.h"
#include "storage/spans/volume_state.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr size_t kNumberDigits = 8;

std::string PathOf(const std::string& directory, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kNumberDigits) digits.insert(0, kNumberDigits - digits.size(), '0');
  return directory + "/" + digits;
}

}  // namespace

StoreSizes::StoreSizes(uint64_t max)
    : max_bytes(max),
      volume_bytes(max == 0 ? 1024 * kMiB : std::clamp(max / 32, kMiB, 1024 * kMiB)),
      log_bytes(max == 0 ? 512 * kMiB : std::clamp(max / 8, 2 * kMiB, 512 * kMiB)),
      log_file_bytes(std::clamp(log_bytes / 8, kMiB / 4, 16 * kMiB)),
      reserve_bytes(3 * std::min(volume_bytes, 64 * kMiB)) {}

StoredVolume::~StoredVolume() {
  volume_.reset();
  if (!remove_.load()) return;
  if (const Status removed = RemoveTree(path_); !removed.ok()) {
    // It is found again at the next start, and then removed again.
    log::Warn("volume_not_removed", {{"path", path_}, {"error", removed.ToString()}});
  }
}

void StoredSegment::MarkDamaged(const Status& why, Counter& damaged_segments) const {
  if (damaged_.exchange(true)) return;
  damaged_segments.Add(1);
  log::Error("segment_damaged", {{"volume", volume_->path()},
                                 {"segment", stub_.number},
                                 {"tenant", tenant_},
                                 {"error", why.ToString()}});
}

void StoredSegment::NoteDamagedShortcut(const Status& why, Counter& damaged_shortcuts) const {
  if (shortcut_damaged_.exchange(true)) return;
  damaged_shortcuts.Add(1);
  log::Warn("segment_slower", {{"volume", volume_->path()},
                               {"segment", stub_.number},
                               {"tenant", tenant_},
                               {"error", why.ToString()}});
}

Result<std::shared_ptr<const SegmentReader>> StoredSegment::OpenReader(
    std::shared_ptr<ColumnCache> cache) const {
  // The reader holds the whole StoredVolume through its pointer to the Volume.
  std::shared_ptr<const Volume> held(volume_, volume_->volume());
  return SegmentReader::Open(std::move(held), stub_.number, std::move(cache), marks_.redactions());
}

Result<std::shared_ptr<const SegmentReader>> StoredSegment::OpenUnredacted(
    std::shared_ptr<ColumnCache> cache) const {
  std::shared_ptr<const Volume> held(volume_, volume_->volume());
  return SegmentReader::Open(std::move(held), stub_.number, std::move(cache));
}

VolumeSet::VolumeSet(Options options, Telemetry& telemetry)
    : options_(std::move(options)),
      telemetry_(telemetry),
      damaged_volumes_(telemetry.GetCounter("tocsin_spans_damaged_volumes_total",
                                            "Volumes found damaged and opened read-only or not.")),
      damaged_segments_(telemetry.GetCounter("tocsin_spans_damaged_segments_total",
                                             "Segments found damaged and put aside.")) {}

Volume::Options VolumeSet::VolumeOptions() const {
  Volume::Options options;
  const uint64_t volume = options_.sizes.volume_bytes;
  options.write_buffer = static_cast<size_t>(std::clamp(volume / 4, kMiB / 4, 4 * kMiB));
  options.table_bytes = static_cast<size_t>(std::clamp(volume, kMiB, 16 * kMiB));
  return options;
}

// A day, and with a short retention less, so that a volume never holds much more than it should.
Nanos VolumeSet::VolumeDuration() const {
  if (options_.retention == 0) return kDay;
  return std::min(kDay, std::max(options_.retention / 8, kSecond));
}

Result<std::unique_ptr<VolumeSet>> VolumeSet::Open(Options options, Nanos now,
                                                   Telemetry& telemetry) {
  std::unique_ptr<VolumeSet> set(new VolumeSet(std::move(options), telemetry));
  const std::string& path = set->options_.path;
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(path));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    uint64_t number = 0;
    if (name.ends_with(kTemporarySuffix)) {
      if (const Status removed = RemoveTree(path + "/" + name); !removed.ok()) {
        log::Warn("volume_not_removed", {{"path", name}, {"error", removed.ToString()}});
      }
    }
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (const uint64_t number : numbers) {
    set->next_volume_ = number + 1;
    TOCSIN_RETURN_IF_ERROR(set->OpenExisting(number, now));
  }
  for (size_t i = 0; i + 1 < set->volumes_.size(); ++i) {
    const std::shared_ptr<StoredVolume>& volume = set->volumes_[i];
    const bool usable = volume->volume_ != nullptr && !volume->volume_->read_only();
    if (usable && volume->closed_ == 0) set->Close(volume, now);
  }
  // A retried write may have left the same segment in two volumes: the later one counts.
  SegmentList& found = set->found_;
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a->stub().number < b->stub().number;
  });
  const auto same_number = [](const auto& a, const auto& b) {
    return a->stub().number == b->stub().number;
  };
  found.erase(found.begin(), std::unique(found.rbegin(), found.rend(), same_number).base());
  return set;
}

Status VolumeSet::OpenExisting(uint64_t number, Nanos now) {
  const std::string path = PathOf(options_.path, number);
  auto stored = std::make_shared<StoredVolume>(number, path);
  Volume::Options options = VolumeOptions();
  options.create = false;
  Result<std::unique_ptr<Volume>> volume = Volume::Open(path, options, telemetry_);
  Result<VolumeState> state = VolumeState{now, now, false};
  if (volume.has_value()) state = ReadVolumeState(**volume, now);
  if (!volume.has_value() && volume.error().code() == StatusCode::kAlreadyExists) {
    return volume.error();
  }
  if (!state.has_value() && state.error().code() == StatusCode::kFailedPrecondition) {
    return state.error().WithContext(path);
  }
  if (!volume.has_value() || !state.has_value()) {
    const Status why = volume.has_value() ? state.error() : volume.error();
    if (why.code() == StatusCode::kCorruption) damaged_volumes_.Add(1);
    log::Error("volume_opened_read_only", {{"path", path}, {"error", why.ToString()}});
    volume = Failure(why);  // Closes it.
    options.read_only = true;
    volume = Volume::Open(path, options, telemetry_);
    // Nothing is written to it any more, compaction included; its age is that of its spans.
    const Result<VolumeState> known = volume.has_value() ? ReadVolumeState(**volume, 0) : state;
    state = VolumeState{known.has_value() ? known->created : 0, now, true};
  }
  stored->created_ = state->created;
  stored->closed_ = state->closed;
  stored->known_bytes_ = DiskUsage(path);
  stored->settled_ = state->compacted;
  volumes_.push_back(stored);
  if (!volume.has_value()) {
    log::Error("volume_not_readable", {{"path", path}, {"error", volume.error().ToString()}});
    return {};
  }
  stored->volume_ = *std::move(volume);
  if (stored->closed_ != 0 && !state->compacted) uncompacted_.push_back(stored);
  LoadSegments(stored);
  return {};
}

void VolumeSet::LoadSegments(const std::shared_ptr<StoredVolume>& volume) {
  SegmentList segments;
  const Status read = ForEachSegment(
      *volume->volume_,
      [&](uint64_t number, const Result<SegmentStub>& stub, std::string_view tenant) {
        next_segment_ = std::max(next_segment_, number + 1);
        if (!stub.has_value()) {
          damaged_segments_.Add(1);
          log::Error(
              "segment_damaged",
              {{"volume", volume->path_}, {"segment", number}, {"error", stub.error().ToString()}});
          return;
        }
        volume->max_end_ = std::max(volume->max_end_, stub->max_end);
        segments.push_back(std::make_shared<StoredSegment>(*stub, std::string(tenant), volume));
      });
  DropReplaced(volume, &segments);
  LoadMarks(volume, &segments);
  if (const Status loaded = volume->index_.Load(*volume->volume_); !loaded.ok()) {
    log::Warn("trace_index_damaged", {{"path", volume->path_}, {"error", loaded.ToString()}});
  }
  found_.insert(found_.end(), segments.begin(), segments.end());
  if (!read.ok()) {
    damaged_volumes_.Add(1);
    log::Error("volume_damaged", {{"path", volume->path_}, {"error", read.ToString()}});
  }
}

void VolumeSet::DropReplaced(const std::shared_ptr<StoredVolume>& volume, SegmentList* segments) {
  const Status scanned = volume->volume_->Scan("m", [&](std::string_view key,
                                                        std::string_view value) {
    const Result<Merged> merged = DecodeMerged(key, value);
    // A damaged record shows rows twice, and readers drop duplicates.
    if (!merged.has_value()) {
      log::Error("merge_record_damaged",
                 {{"path", volume->path_}, {"error", merged.error().ToString()}});
      return true;
    }
    next_segment_ = std::max(next_segment_, merged->by + 1);
    replaced_.push_back({volume, *merged});
    std::erase_if(*segments, [&](const auto& segment) {
      return std::ranges::find(merged->replaced, segment->stub().number) != merged->replaced.end();
    });
    return true;
  });
  if (!scanned.ok()) {
    log::Error("volume_damaged", {{"path", volume->path_}, {"error", scanned.ToString()}});
  }
}

void VolumeSet::LoadMarks(const std::shared_ptr<StoredVolume>& volume, SegmentList* segments) {
  std::unordered_map<uint64_t, const StoredSegment*> by_number;
  for (const auto& segment : *segments) {
    by_number[segment->stub().number] = segment.get();
    // A volume that takes no marks can have traces that go on elsewhere without knowing it.
    if (volume->volume_->read_only()) segment->marks().SetUnknown();
  }
  const auto for_each = [&](std::string_view prefix, const auto& load) {
    const Status scanned =
        volume->volume_->Scan(prefix, [&](std::string_view key, std::string_view value) {
          if (key.size() != SplitKey(0).size()) return true;
          const auto it = by_number.find(SpanIdFromBytes(key.data() + 1));
          if (it != by_number.end()) load(*it->second, value);
          return true;
        });
    if (scanned.ok()) return;
    log::Error("volume_damaged", {{"path", volume->path_}, {"error", scanned.ToString()}});
    for (const auto& segment : *segments) segment->marks().SetUnknown();
  };
  for_each("p", [](const StoredSegment& segment, std::string_view value) {
    auto ids = DecodeSplit(value);
    if (ids.has_value()) {
      segment.marks().LoadSplit(*std::move(ids));
    } else {
      segment.marks().SetUnknown();
    }
  });
  for_each("d", [this](const StoredSegment& segment, std::string_view value) {
    auto rows = DecodeDeleted(value, segment.stub().rows);
    if (rows.has_value()) {
      segment.marks().SetDeleted(std::make_shared<const traceql::Bitmap>(*std::move(rows)));
    } else {
      // What was deleted must not come back: without its bitmap a segment cannot be shown.
      segment.MarkDamaged(rows.error(), damaged_segments_);
    }
  });
}

StoredVolume* VolumeSet::writable() const {
  if (volumes_.empty()) return nullptr;
  StoredVolume* last = volumes_.back().get();
  const bool open = last->closed_ == 0 && last->volume_ != nullptr && !last->volume_->read_only();
  return open ? last : nullptr;
}

Status VolumeSet::OpenNext(Nanos now) {
  const std::string path = PathOf(options_.path, next_volume_);
  auto stored = std::make_shared<StoredVolume>(next_volume_, path);
  Result<std::unique_ptr<Volume>> volume = Volume::Open(path, VolumeOptions(), telemetry_);
  Status made =
      volume.has_value()
          ? (*volume)->Put(kVolumeStateKey, EncodeVolumeState({now, 0, false}), /*sync=*/true)
          : volume.error();
  if (made.ok()) made = SyncDirectory(options_.path);
  if (!made.ok()) {
    volume = Failure(made);  // Closes it.
    if (const Status removed = RemoveTree(path); !removed.ok()) ++next_volume_;
    return made.WithContext("making a volume");
  }
  ++next_volume_;
  stored->volume_ = *std::move(volume);
  stored->created_ = now;
  volumes_.push_back(std::move(stored));
  return {};
}

void VolumeSet::Close(const std::shared_ptr<StoredVolume>& volume, Nanos now) {
  volume->closed_ = now;
  const Status put = volume->volume_->Put(
      kVolumeStateKey, EncodeVolumeState({volume->created_, now, false}), /*sync=*/false);
  // The next start closes it again.
  if (!put.ok()) log::Warn("volume_close", {{"path", volume->path_}, {"error", put.ToString()}});
  uncompacted_.push_back(volume);
}

void VolumeSet::RollIfDue(Nanos now, uint64_t wanted_bytes) {
  StoredVolume* volume = writable();
  if (volume == nullptr || volume->max_end_ == 0) return;  // None, or nothing in it.
  volume->known_bytes_ = volume->volume_->DiskBytes();
  const uint64_t limit = options_.sizes.volume_bytes;
  const bool full =
      volume->known_bytes_ >= limit || volume->known_bytes_ + wanted_bytes > limit + limit / 4;
  if (full || volume->created_ + VolumeDuration() <= now) Close(volumes_.back(), now);
}

Result<std::vector<std::shared_ptr<const StoredSegment>>> VolumeSet::Write(
    std::string_view tenant, const std::vector<SealedSegment>& segments, Nanos now) {
  uint64_t bytes = 0;
  std::vector<std::string> keys;
  std::vector<std::string> splits;
  for (const SealedSegment& segment : segments) {
    bytes += segment.stub.stored_bytes;
    for (uint32_t i = 0; i < segment.values.size(); ++i) {
      keys.push_back(SegmentKey(segment.stub.number, i));
    }
    if (segment.split.empty()) continue;
    keys.push_back(SplitKey(segment.stub.number));
    splits.push_back(EncodeSplit(segment.split));
  }
  std::vector<Volume::Entry> entries;
  entries.reserve(keys.size());
  auto split = splits.begin();
  for (const SealedSegment& segment : segments) {
    for (const std::string& value : segment.values) {
      entries.push_back({keys[entries.size()], value});
    }
    if (!segment.split.empty()) entries.push_back({keys[entries.size()], *split++});
  }

  RollIfDue(now, bytes);
  if (writable() == nullptr) TOCSIN_RETURN_IF_ERROR(OpenNext(now));
  const std::shared_ptr<StoredVolume>& volume = volumes_.back();
  if (const Status written = volume->volume_->Write(entries, /*sync=*/true); !written.ok()) {
    if (written.code() == StatusCode::kCorruption) {
      // It will take no more; what is in it stays readable, and the next attempt makes another.
      damaged_volumes_.Add(1);
      log::Error("volume_damaged", {{"path", volume->path_}, {"error", written.ToString()}});
      volume->closed_ = now;
    }
    return Failure(written.WithContext("writing a segment"));
  }
  std::vector<std::shared_ptr<const StoredSegment>> stored;
  for (const SealedSegment& segment : segments) {
    volume->max_end_ = std::max(volume->max_end_, segment.stub.max_end);
    auto made = std::make_shared<StoredSegment>(segment.stub, std::string(tenant), volume);
    if (!segment.split.empty()) made->marks().LoadSplit(segment.split);
    volume->index_.Add(segment.stub.number, segment.traces);
    stored.push_back(std::move(made));
  }
  return stored;
}

Result<SegmentList> VolumeSet::WriteReplacing(const std::shared_ptr<StoredVolume>& volume,
                                              std::string_view tenant,
                                              std::vector<SealedSegment>* segments,
                                              const Merged& merged) {
  std::vector<std::pair<std::string, std::string>> values;
  for (SealedSegment& segment : *segments) {
    segment.stub.number = merged.by;
    for (uint32_t i = 0; i < segment.values.size(); ++i) {
      values.emplace_back(SegmentKey(merged.by, i), std::move(segment.values[i]));
    }
    if (!segment.split.empty()) {
      values.emplace_back(SplitKey(merged.by), EncodeSplit(segment.split));
    }
  }
  values.emplace_back(MergedKey(merged.by), EncodeMerged(merged.replaced));
  std::vector<Volume::Entry> entries;
  entries.reserve(values.size());
  for (const auto& [key, value] : values) entries.push_back({key, value});
  if (const Status written = volume->volume_->Write(entries, /*sync=*/true); !written.ok()) {
    return Failure(written.WithContext("writing a merged segment"));
  }
  SegmentList stored;
  for (const SealedSegment& segment : *segments) {
    auto made = std::make_shared<StoredSegment>(segment.stub, std::string(tenant), volume);
    if (!segment.split.empty()) made->marks().LoadSplit(segment.split);
    volume->index_.Add(segment.stub.number, segment.traces);
    stored.push_back(std::move(made));
  }
  return stored;
}

Status VolumeSet::RemoveSegments(StoredVolume& volume, const Merged& merged) {
  std::vector<std::string> keys;
  for (const uint64_t number : merged.replaced) {
    TOCSIN_RETURN_IF_ERROR(
        volume.volume_->Scan(SegmentPrefix(number), [&](std::string_view key, std::string_view) {
          keys.emplace_back(key);
          return true;
        }));
    keys.push_back(SplitKey(number));
    keys.push_back(DeletedKey(number));
  }
  keys.push_back(MergedKey(merged.by));
  return volume.volume_->Delete(keys, /*sync=*/false);
}

bool VolumeSet::Expired(size_t index, Nanos now) const {
  if (options_.retention == 0) return false;
  const StoredVolume& volume = *volumes_[index];
  // Of a volume that cannot be read only its neighbour's age is known.
  if (volume.volume_ == nullptr) return index + 1 < volumes_.size() && Expired(index + 1, now);
  if (volume.max_end_ == 0) return false;
  // Clocks of senders are wrong at times, and old traces are imported: the newest span is taken to
  // have ended while the volume was written.
  const Nanos closed = volume.closed_ == 0 ? now : volume.closed_;
  const auto max_end = static_cast<Nanos>(std::min(volume.max_end_, uint64_t{INT64_MAX}));
  const Nanos newest = std::clamp(max_end, std::min(volume.created_, closed), closed);
  return newest < now - options_.retention;
}

std::vector<std::shared_ptr<StoredVolume>> VolumeSet::Retain(
    Nanos now, uint64_t other_bytes, uint64_t wanted_bytes,
    const std::function<bool(const StoredVolume&)>& may_go) {
  std::vector<std::shared_ptr<StoredVolume>> removed;
  RollIfDue(now, 0);
  while (!volumes_.empty() && Expired(0, now) && may_go(*volumes_.front())) {
    removed.push_back(RemoveOldest(now, "age"));
  }
  const StoreSizes& sizes = options_.sizes;
  if (sizes.max_bytes == 0) return removed;
  // What was just removed is as good as gone, but for what views hold of it.
  const auto used = [&] {
    uint64_t bytes = other_bytes + wanted_bytes + DiskBytes();
    for (const auto& volume : removed) bytes -= std::min(bytes, volume->known_bytes_);
    return bytes;
  };
  const uint64_t limit = sizes.max_bytes - std::min(sizes.max_bytes, sizes.reserve_bytes);
  while (!volumes_.empty() && used() > limit) {
    static_cast<void>(may_go(*volumes_.front()));  // The cap does not wait.
    removed.push_back(RemoveOldest(now, "size"));
  }
  return removed;
}

std::shared_ptr<StoredVolume> VolumeSet::RemoveOldest(Nanos now, std::string_view reason) {
  const std::shared_ptr<StoredVolume> volume = volumes_.front();
  if (volume.get() == writable()) volume->closed_ = now;
  log::Info("volume_removed",
            {{"path", volume->path_}, {"reason", reason}, {"bytes", volume->known_bytes_}});
  telemetry_
      .GetCounter("tocsin_spans_removed_volumes_total", "Volumes removed by retention.",
                  {{"reason", std::string(reason)}})
      .Add(1);
  volumes_.pop_front();
  std::erase(uncompacted_, volume);
  leaving_.emplace_back(volume);
  return volume;
}

std::shared_ptr<StoredVolume> VolumeSet::TakeUncompacted() {
  if (uncompacted_.empty()) return nullptr;
  std::shared_ptr<StoredVolume> volume = std::move(uncompacted_.front());
  uncompacted_.pop_front();
  return volume;
}

void VolumeSet::Compact(StoredVolume& volume) {
  if (volume.remove_.load() || volume.volume_->read_only()) return;
  Status done = volume.volume_->CompactAll();
  if (done.ok()) {
    const VolumeState state{volume.created_, volume.closed_, true};
    done = volume.volume_->Put(kVolumeStateKey, EncodeVolumeState(state), /*sync=*/false);
  }
  // Not compacted is only slower to read; the next start tries again.
  if (!done.ok()) {
    log::Warn("volume_compaction", {{"path", volume.path_}, {"error", done.ToString()}});
  }
  volume.settled_ = true;
}

uint64_t VolumeSet::DiskBytes() {
  uint64_t bytes = 0;
  for (const auto& volume : volumes_) {
    // The size of a settled volume is looked at once more, after its last change.
    const bool settled = volume->settled_.load();
    if (volume->volume_ != nullptr && !(settled && volume->measured_settled_)) {
      volume->known_bytes_ = DiskUsage(volume->path_);
      volume->measured_settled_ = settled;
    }
    bytes += volume->known_bytes_;
  }
  std::erase_if(leaving_, [](const auto& volume) { return volume.expired(); });
  for (const auto& leaving : leaving_) {
    if (const auto volume = leaving.lock()) bytes += volume->known_bytes_;
  }
  return bytes;
}

}  // namespace tocsin::storage
