#include "storage/series/block_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <optional>
#include <unordered_set>

#include "cpp/base/check.h"
#include "cpp/base/log.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/series/chunk_codec.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr Millis kDayMillis = 12 * kBlockMillis;
// Written to a volume at once; bounds the memory of a write.
constexpr size_t kWriteBytes = size_t{1} << 20;

// A volume's directory: its number, and the start of its first block in seconds.
struct VolumeName {
  uint64_t number = 0;
  Millis first = 0;

  std::string Text() const {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%08llu_%lld", static_cast<unsigned long long>(number),
                  static_cast<long long>(first / 1'000));
    return text.data();
  }
  static std::optional<VolumeName> Parse(std::string_view text) {
    VolumeName name;
    const char* end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, name.number);
    if (number.ec != std::errc() || number.ptr == end || *number.ptr != '_') return std::nullopt;
    const auto first = std::from_chars(number.ptr + 1, end, name.first);
    if (first.ec != std::errc() || first.ptr != end) return std::nullopt;
    name.first *= 1'000;
    return name;
  }
};

/// Collects entries and writes them when there are many.
class EntryWriter {
 public:
  explicit EntryWriter(Volume* volume) : volume_(volume) {}

  Status Put(std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    entries_.emplace_back(std::move(key), std::move(value));
    return bytes_ < kWriteBytes ? Status() : Write(false);
  }
  Status Write(bool sync) {
    std::vector<Volume::Entry> views;
    views.reserve(entries_.size());
    for (const auto& [key, value] : entries_) views.push_back({key, value});
    const Status written = volume_->Write(views, sync);
    entries_.clear();
    bytes_ = 0;
    return written;
  }

 private:
  Volume* volume_;
  std::vector<std::pair<std::string, std::string>> entries_;
  size_t bytes_ = 0;
};

}  // namespace

/// A volume and its directory. The last to let go of a doomed one removes the directory.
struct SampleBlock::VolumeFiles {
  VolumeName name;
  std::string path;
  std::unique_ptr<Volume> volume;        ///< Null if it could not be opened.
  std::unordered_set<SeriesId> defined;  ///< Series whose labels a footer of this volume has.
  Millis end = INT64_MIN;                ///< Of its newest block.
  bool has_blocks = false;
  std::atomic<bool> doomed{false};

  bool writable() const { return volume != nullptr && !volume->read_only(); }
  void Define(std::span<const SeriesId> ids) { defined.insert(ids.begin(), ids.end()); }

  ~VolumeFiles() {
    volume.reset();
    if (!doomed) return;
    if (const Status removed = RemoveTree(path); !removed.ok()) {
      log::Warn("series store: an expired volume stays for now",
                {{"path", path}, {"reason", removed.message()}});
    }
  }
};

Result<std::vector<ChunkRef>> SampleBlock::ReadVersion1(SeriesId id) const {
  TOCSIN_ASSIGN_OR_RETURN(const std::string frame,
                          volume_->volume->Get(SeriesKeyOfVersion1(start(), id)));
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  std::vector<ChunkRef> chunks = GetChunksOfVersion1(&in);
  TOCSIN_RETURN_IF_ERROR(in.Finish("samples of a block"));
  return chunks;
}

Result<std::string> SampleBlock::ReadGroup(size_t group) const {
  TOCSIN_ASSIGN_OR_RETURN(
      const std::string frame,
      volume_->volume->Get(GroupKey(start(), number(), static_cast<uint32_t>(group))));
  return OpenFrame(frame);
}

Status SampleBlock::ForEach(const std::function<Status(BlockSeries&&)>& visit) const {
  if (version1_) {
    for (const SeriesId id : series_.Ids()) {
      TOCSIN_ASSIGN_OR_RETURN(std::vector<ChunkRef> chunks, ReadVersion1(id));
      TOCSIN_RETURN_IF_ERROR(visit({id, std::move(chunks)}));
    }
    return {};
  }
  for (size_t group = 0; group < groups_.size(); ++group) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string body, ReadGroup(group));
    TOCSIN_ASSIGN_OR_RETURN(const auto entries, ParseGroup(body));
    for (const auto& [id, bytes] : entries) {
      TOCSIN_ASSIGN_OR_RETURN(std::vector<ChunkRef> chunks, DecodeGroupSeries(bytes));
      TOCSIN_RETURN_IF_ERROR(visit({id, std::move(chunks)}));
    }
  }
  return {};
}

Result<std::vector<ChunkRef>> BlockReader::Read(SeriesId id, uint32_t rank) {
  if (!block_->series_.Has(id)) return std::vector<ChunkRef>();
  if (block_->version1_) return block_->ReadVersion1(id);
  size_t group = group_ == SIZE_MAX ? 0 : group_;
  while (group + 1 < group_ranks_.size() && group_ranks_[group + 1] <= rank) ++group;
  if (group != group_) {
    TOCSIN_ASSIGN_OR_RETURN(body_, block_->ReadGroup(group));
    TOCSIN_ASSIGN_OR_RETURN(series_, ParseGroup(body_));
    group_ = group;
    next_ = 0;
  }
  while (next_ < series_.size() && series_[next_].first != id) ++next_;
  if (next_ == series_.size()) {
    group_ = SIZE_MAX;
    return CorruptionError("a block does not have the series that its footer names");
  }
  return DecodeGroupSeries(series_[next_].second);
}

Result<std::unique_ptr<BlockStore>> BlockStore::Open(Options options,
                                                     const SeriesDefinition& define) {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options.directory));
  std::unique_ptr<BlockStore> store(new BlockStore(std::move(options)));
  TOCSIN_RETURN_IF_ERROR(store->OpenVolumes(define));
  return store;
}

Status BlockStore::OpenVolumes(const SeriesDefinition& define) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> entries,
                          ListDirectory(options_.directory));
  for (const std::string& entry : entries) {
    const auto name = VolumeName::Parse(entry);
    if (!name.has_value()) continue;
    auto volume = std::make_shared<SampleBlock::VolumeFiles>();
    volume->name = *name;
    volume->path = options_.directory + "/" + entry;
    auto opened = Volume::Open(volume->path, {.create = false}, *options_.telemetry);
    if (!opened.has_value() && opened.error().code() != StatusCode::kAlreadyExists) {
      opened =
          Volume::Open(volume->path, {.create = false, .read_only = true}, *options_.telemetry);
    }
    Status loaded;
    if (opened.has_value()) {
      volume->volume = *std::move(opened);
      loaded = LoadBlocks(volume, define);
    } else {
      volume->end = name->first + kDayMillis;
      loaded = opened.error();
    }
    if (loaded.code() == StatusCode::kAlreadyExists) return loaded;
    if (!loaded.ok()) {
      ++damaged_;
      log::Error("series store: a volume is damaged; the others serve",
                 {{"path", volume->path}, {"reason", loaded.message()}});
    }
    volumes_.push_back(std::move(volume));
  }
  std::ranges::sort(volumes_, {}, [](const auto& volume) { return volume->name.number; });
  std::ranges::sort(blocks_, {},
                    [](const auto& block) { return std::pair(block->start(), block->number()); });
  return {};
}

Status BlockStore::LoadBlocks(const VolumePtr& volume, const SeriesDefinition& define) {
  Status damage;
  const auto load = [&](std::string_view key, std::string_view value) {
    const auto kind = static_cast<BlockKey>(key.front());
    const std::optional<BlockName> name = ParseFooterKey(key);
    const Result<std::string> body = OpenFrame(value);
    std::vector<SeriesId> defined;
    Result<Footer> footer = CorruptionError("the footer of a block is damaged");
    if (name.has_value() && body.has_value()) {
      footer = ParseFooter(kind, *body, [&](SeriesId id, const Labels& labels) {
        defined.push_back(id);
        define(id, labels);
      });
    }
    volume->Define(defined);
    if (!footer.has_value()) {
      // Not for nothing: its series may have been defined here for later blocks.
      damage = footer.error();
      return true;
    }
    auto block = std::make_shared<SampleBlock>();
    block->name_ = *name;
    block->version1_ = kind == BlockKey::kFooterOfVersion1;
    block->totals_ = footer->totals;
    block->series_ = SeriesSet(footer->series);
    for (size_t i = 0; i < footer->series.size() && !block->version1_; i += kGroupSeries) {
      block->groups_.push_back(footer->series[i]);
    }
    block->volume_ = volume;
    volume->has_blocks = true;
    volume->end = std::max(volume->end, block->end());
    next_number_ = std::max(next_number_, block->number() + 1);
    blocks_.push_back(std::move(block));
    return true;
  };
  for (const BlockKey kind : {BlockKey::kFooterOfVersion1, BlockKey::kFooter}) {
    const auto prefix = static_cast<char>(kind);
    TOCSIN_RETURN_IF_ERROR(volume->volume->Scan({&prefix, 1}, load));
  }
  // Without a block it may hold anything of its day.
  if (!volume->has_blocks) volume->end = volume->name.first + kDayMillis;
  return damage;
}

Result<BlockStore::VolumePtr> BlockStore::VolumeFor(Millis start) {
  if (!volumes_.empty()) {
    const auto& last = volumes_.back();
    if (last->writable() && start < last->name.first + kDayMillis &&
        last->volume->DiskBytes() < options_.volume_bytes) {
      return last;
    }
  }
  auto volume = std::make_shared<SampleBlock::VolumeFiles>();
  volume->name = {volumes_.empty() ? 1 : volumes_.back()->name.number + 1, start};
  volume->path = options_.directory + "/" + volume->name.Text();
  // An earlier try may have left one that has no block.
  TOCSIN_RETURN_IF_ERROR(RemoveTree(volume->path));
  TOCSIN_ASSIGN_OR_RETURN(volume->volume,
                          Volume::Open(volume->path, Volume::Options(), *options_.telemetry));
  TOCSIN_RETURN_IF_ERROR(SyncDirectory(options_.directory));
  return volume;
}

/// A block whose groups are written, and what makes it exist.
struct BlockStore::Draft {
  std::shared_ptr<SampleBlock> block;
  std::string footer;
  std::vector<SeriesId> defined;  ///< By the footer.
};

Result<BlockStore::Draft> BlockStore::WriteGroups(const VolumePtr& volume, const Contents& contents,
                                                  const LabelsOf& labels_of,
                                                  const SampleBlock* replaced) {
  Draft draft;
  draft.block = std::make_shared<SampleBlock>();
  SampleBlock& block = *draft.block;
  block.name_ = {contents.start, next_number_};
  block.totals_.level = contents.level;
  block.volume_ = volume;
  EntryWriter writer(volume->volume.get());
  FooterBuilder footer;
  std::vector<SeriesId> ids;
  ids.reserve(contents.series.size());
  const std::span<const BlockSeries> all = contents.series;
  for (size_t begin = 0; begin < all.size(); begin += kGroupSeries) {
    const auto group = all.subspan(begin, std::min(kGroupSeries, all.size() - begin));
    const auto number = static_cast<uint32_t>(block.groups_.size());
    block.groups_.push_back(group.front().id);
    TOCSIN_RETURN_IF_ERROR(writer.Put(GroupKey(contents.start, block.number(), number),
                                      SealFrame(EncodeGroup(group), Compression::kZstd)));
    for (const auto& [id, chunks] : group) {
      ids.push_back(id);
      block.totals_.chunks += chunks.size();
      for (const ChunkRef& chunk : chunks) block.totals_.samples += chunk.count;
      // What the replaced footer defined goes with it.
      const bool define = replaced != nullptr || !volume->defined.contains(id);
      const Labels labels = define ? labels_of(id) : Labels();
      footer.Add(id, define ? &labels : nullptr);
      if (define) draft.defined.push_back(id);
    }
  }
  TOCSIN_RETURN_IF_ERROR(writer.Write(false));
  block.series_ = SeriesSet(ids);
  if (replaced != nullptr) {
    for (const SeriesId id : replaced->series().Ids()) {
      if (!block.series_.Has(id)) footer.Define(id, labels_of(id));
    }
  }
  draft.footer = SealFrame(footer.Finish(block.totals_), Compression::kZstd);
  return draft;
}

Result<BlockStore::BlockPtr> BlockStore::Write(const Contents& contents,
                                               const LabelsOf& labels_of) {
  TOCSIN_ASSIGN_OR_RETURN(const VolumePtr volume, VolumeFor(contents.start));
  TOCSIN_ASSIGN_OR_RETURN(const Draft draft, WriteGroups(volume, contents, labels_of, nullptr));
  // The footer last, and alone: it makes the block exist.
  const SampleBlock& block = *draft.block;
  TOCSIN_RETURN_IF_ERROR(
      volume->volume->Put(FooterKey(block.start(), block.number()), draft.footer, true));
  volume->Define(draft.defined);
  volume->end = std::max(volume->end, block.end());
  ++next_number_;
  return draft.block;
}

Result<BlockStore::BlockPtr> BlockStore::Rewrite(const SampleBlock& old, const Contents& contents,
                                                 const LabelsOf& labels_of) {
  const VolumePtr& volume = old.volume_;
  if (!volume->writable()) {
    return FailedPreconditionError("the volume " + volume->path + " takes no writes");
  }
  TOCSIN_ASSIGN_OR_RETURN(const Draft draft, WriteGroups(volume, contents, labels_of, &old));
  const std::string new_key = FooterKey(contents.start, draft.block->number());
  const std::string old_key =
      old.version1_ ? FooterKeyOfVersion1(old.start()) : FooterKey(old.start(), old.number());
  // At once: there is always exactly one of the two. A footer without series stays for the labels
  // that it defines.
  const Volume::Change changes[] = {{new_key, draft.footer}, {old_key, std::nullopt}};
  TOCSIN_RETURN_IF_ERROR(volume->volume->Apply(changes, true));
  ++next_number_;
  return draft.block;
}

Status BlockStore::RemoveGroups(const SampleBlock& old) {
  std::vector<std::string> keys;
  if (old.version1_) {
    for (const SeriesId id : old.series().Ids()) {
      keys.push_back(SeriesKeyOfVersion1(old.start(), id));
    }
  }
  for (uint32_t group = 0; group < old.groups_.size(); ++group) {
    keys.push_back(GroupKey(old.start(), old.number(), group));
  }
  return old.volume_->volume->Delete(keys, false);
}

void BlockStore::Insert(BlockPtr block) {
  const auto order = [](const BlockPtr& b) { return std::pair(b->start(), b->number()); };
  blocks_.insert(std::ranges::upper_bound(blocks_, order(block), {}, order), std::move(block));
}

void BlockStore::Publish(BlockPtr block) {
  if (volumes_.empty() || volumes_.back() != block->volume_) volumes_.push_back(block->volume_);
  Insert(std::move(block));
}

void BlockStore::Replace(const SampleBlock& old, BlockPtr block) {
  std::erase_if(blocks_, [&](const BlockPtr& b) { return b.get() == &old; });
  Insert(std::move(block));
}

Status BlockStore::Snapshot(const std::string& directory) const {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(directory));
  for (const VolumePtr& volume : volumes_) {
    if (volume->volume == nullptr) continue;
    TOCSIN_RETURN_IF_ERROR(volume->volume->Snapshot(directory + "/" + volume->name.Text()));
  }
  return SyncDirectory(directory);
}

std::shared_ptr<const void> BlockStore::DropOldest() {
  TOCSIN_CHECK(!volumes_.empty());
  VolumePtr oldest = volumes_.front();
  volumes_.erase(volumes_.begin());
  std::erase_if(blocks_, [&](const BlockPtr& block) { return block->volume_ == oldest; });
  oldest->doomed = true;
  return oldest;
}

Millis BlockStore::OldestVolumeEnd() const {
  TOCSIN_CHECK(!volumes_.empty());
  return volumes_.front()->end;
}

uint64_t BlockStore::Bytes() const {
  uint64_t bytes = 0;
  for (const auto& volume : volumes_) {
    bytes += volume->volume ? volume->volume->DiskBytes() : DiskUsage(volume->path);
  }
  return bytes;
}

}  // namespace tocsin::storage
