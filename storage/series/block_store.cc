#include "storage/series/block_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <optional>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/series/chunk_codec.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr char kFooterKey = 'B';
constexpr char kSeriesKey = 'S';
constexpr Millis kDayMillis = 12 * kBlockMillis;
// Written to a volume at once; bounds the memory of a write.
constexpr size_t kWriteBytes = size_t{1} << 20;
constexpr size_t kMinFooterEntryBytes = 2;

void PutBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

// The sign bit is turned, so that keys are in the order of time also before 1970.
std::string FooterKey(Millis start) {
  std::string key(1, kFooterKey);
  PutBigEndian(static_cast<uint64_t>(start) ^ (uint64_t{1} << 63), 8, &key);
  return key;
}

std::optional<Millis> StartOf(std::string_view footer_key) {
  if (footer_key.size() != 9) return std::nullopt;
  uint64_t start = 0;
  for (const char c : footer_key.substr(1)) start = start << 8 | static_cast<uint8_t>(c);
  return static_cast<Millis>(start ^ (uint64_t{1} << 63));
}

std::string SeriesKey(Millis start, SeriesId id) {
  std::string key = FooterKey(start);
  key[0] = kSeriesKey;
  PutBigEndian(id, 4, &key);
  return key;
}

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

void SeriesSet::Add(SeriesId id) {
  if (Has(id)) return;
  if (words_.size() <= id / 64) words_.resize((id / 64) + 1);
  words_[id / 64] |= uint64_t{1} << (id % 64);
  ++size_;
}

/// A volume and its directory. The last to let go of a doomed one removes the directory.
struct SampleBlock::VolumeFiles {
  VolumeName name;
  std::string path;
  std::unique_ptr<Volume> volume;  ///< Null if it could not be opened.
  SeriesSet defined;               ///< Series whose labels a footer of this volume has.
  Millis end = 0;                  ///< Of its newest block.
  std::atomic<bool> doomed{false};

  ~VolumeFiles() {
    volume.reset();
    if (!doomed) return;
    if (const Status removed = RemoveTree(path); !removed.ok()) {
      log::Warn("series store: an expired volume stays for now",
                {{"path", path}, {"reason", removed.message()}});
    }
  }
};

Status SampleBlock::Read(SeriesId id, Millis from, Millis to, std::vector<Sample>* out) const {
  if (!series_.Has(id) || to < start_ || from >= end()) return {};
  TOCSIN_ASSIGN_OR_RETURN(const std::string frame, volume_->volume->Get(SeriesKey(start_, id)));
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  const std::vector<ChunkRef> chunks = GetChunks(&in);
  TOCSIN_RETURN_IF_ERROR(in.Finish("samples of a block"));
  for (const ChunkRef& chunk : chunks) {
    if (chunk.last_t < from || chunk.first_t > to) continue;
    TOCSIN_RETURN_IF_ERROR(DecodeChunk(chunk.bytes(), chunk.count, from, to, out));
  }
  return {};
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
    volume->end = name->first + kDayMillis;
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
      loaded = opened.error();
    }
    if (loaded.code() == StatusCode::kAlreadyExists) return loaded;
    if (!loaded.ok()) {
      log::Error("series store: a volume is damaged; the others serve",
                 {{"path", volume->path}, {"reason", loaded.message()}});
    }
    volumes_.push_back(std::move(volume));
  }
  std::ranges::sort(volumes_, {}, [](const auto& volume) { return volume->name.first; });
  std::ranges::sort(blocks_, {}, [](const auto& block) { return block->start(); });
  return {};
}

Status BlockStore::LoadBlocks(const std::shared_ptr<SampleBlock::VolumeFiles>& volume,
                              const SeriesDefinition& define) {
  Status damage;
  std::optional<Millis> end;
  const Status scanned =
      volume->volume->Scan({&kFooterKey, 1}, [&](std::string_view key, std::string_view value) {
        const std::optional<Millis> start = StartOf(key);
        Result<std::string> body = OpenFrame(value);
        auto block = std::make_shared<SampleBlock>();
        ByteReader in(body.has_value() ? std::string_view(*body) : std::string_view());
        const size_t count = in.Count(in.remaining() / kMinFooterEntryBytes);
        uint64_t id = 0;
        for (size_t i = 0; i < count && !in.failed(); ++i) {
          id += in.Varint();
          if (id == kNoSeries || id > UINT32_MAX) in.Fail();
          block->series_.Add(static_cast<SeriesId>(id));
          if (in.Byte() == 0) continue;
          const Labels labels = GetLabels(&in);
          if (in.failed()) break;
          volume->defined.Add(static_cast<SeriesId>(id));
          define(static_cast<SeriesId>(id), labels);
        }
        if (!start.has_value() || !in.AtEnd()) {
          // Not OK by itself: its series may have been defined here for later blocks.
          damage = CorruptionError("the footer of a block is damaged");
          return true;
        }
        block->start_ = *start;
        block->volume_ = volume;
        end = block->end();  // Footers come in the order of time.
        blocks_.push_back(std::move(block));
        return true;
      });
  volume->end = end.value_or(volume->end);
  return scanned.ok() ? damage : scanned;
}

Result<std::shared_ptr<SampleBlock::VolumeFiles>> BlockStore::VolumeFor(Millis start) {
  if (!volumes_.empty()) {
    const auto& last = volumes_.back();
    const bool writable = last->volume != nullptr && !last->volume->read_only();
    if (writable && start < last->name.first + kDayMillis &&
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

Result<std::shared_ptr<const SampleBlock>> BlockStore::Write(
    Millis start, const std::vector<SeriesChunks>& series, const LabelsOf& labels_of) {
  TOCSIN_CHECK(blocks_.empty() || blocks_.back()->start() < start);
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<SampleBlock::VolumeFiles> volume, VolumeFor(start));
  auto block = std::make_shared<SampleBlock>();
  block->start_ = start;
  block->volume_ = volume;

  EntryWriter writer(volume->volume.get());
  std::vector<SeriesId> defined;
  std::string footer;
  PutVarint64(&footer, series.size());
  SeriesId last = 0;
  for (const auto& [id, chunks] : series) {
    std::string body;
    PutChunks(chunks, &body);
    TOCSIN_RETURN_IF_ERROR(writer.Put(SeriesKey(start, id), SealFrame(body, Compression::kZstd)));
    PutVarint64(&footer, id - last);
    last = id;
    block->series_.Add(id);
    const bool known = volume->defined.Has(id);
    footer.push_back(known ? '\0' : '\1');
    if (known) continue;
    PutLabels(labels_of(id), &footer);
    defined.push_back(id);
  }
  // The footer last, and alone: it makes the block exist.
  TOCSIN_RETURN_IF_ERROR(writer.Write(false));
  TOCSIN_RETURN_IF_ERROR(
      volume->volume->Put(FooterKey(start), SealFrame(footer, Compression::kZstd), true));
  for (const SeriesId id : defined) volume->defined.Add(id);
  volume->end = block->end();
  return block;
}

void BlockStore::Publish(std::shared_ptr<const SampleBlock> block) {
  if (volumes_.empty() || volumes_.back() != block->volume_) volumes_.push_back(block->volume_);
  blocks_.push_back(std::move(block));
}

std::shared_ptr<const void> BlockStore::DropOldest() {
  TOCSIN_CHECK(!volumes_.empty());
  std::shared_ptr<SampleBlock::VolumeFiles> oldest = volumes_.front();
  volumes_.erase(volumes_.begin());
  std::erase_if(blocks_, [&](const auto& block) { return block->volume_ == oldest; });
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
