#include "storage/spans/trace_index.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/spans/segment_format.h"

namespace tocsin::storage {
namespace {

// An entry is a fingerprint of 40 bits above the place of the segment in the run's list.
constexpr int kPlaceBits = 24;
constexpr uint64_t kPlaceMask = (uint64_t{1} << kPlaceBits) - 1;
constexpr size_t kPageEntries = 8'192;
constexpr size_t kMaxPages = size_t{1} << 20;

// Keys of the cache that no segment has.
constexpr uint64_t kIndexCacheKey = uint64_t{1} << 63;

uint64_t Fingerprint(const TraceId& id) { return BloomHash(id) & ~kPlaceMask; }

std::string PageKey(uint32_t part, uint32_t page) {
  std::string key = "i";
  for (const uint32_t number : {part, page}) {
    for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  }
  return key;
}

uint32_t PartOf(std::string_view key) {
  uint32_t part = 0;
  for (const char c : key.substr(1, 4)) part = part << 8 | static_cast<uint8_t>(c);
  return part;
}

class CachedPage final : public Cached {
 public:
  explicit CachedPage(std::vector<uint64_t> entries) : entries_(std::move(entries)) {}
  const std::vector<uint64_t>& entries() const { return entries_; }
  size_t MemoryBytes() const override { return entries_.capacity() * sizeof(uint64_t); }

 private:
  const std::vector<uint64_t> entries_;
};

std::string EncodePage(std::span<const uint64_t> entries) {
  std::string body;
  PutVarint64(&body, entries.size());
  PutIntegers(entries, Packing::kPlain, &body);
  return SealFrame(body, Compression::kNone);
}

}  // namespace

// In memory `entries` holds all; on disk page p begins with first[p] and is value p + 1 of `part`.
struct TraceIndex::Run {
  std::vector<uint64_t> segments;
  Entries entries;
  std::vector<uint64_t> first;
  uint32_t part = 0;
  bool stored = false;
};

std::vector<TraceIndex::RunPtr> TraceIndex::Runs() const {
  const std::lock_guard lock(mutex_);
  return runs_;
}

bool TraceIndex::Covers(uint64_t segment) const {
  const std::lock_guard lock(mutex_);
  return covered_.contains(segment);
}

void TraceIndex::Add(uint64_t segment, std::span<const TraceId> ids) {
  auto run = std::make_shared<Run>();
  run->segments.push_back(segment);
  run->entries.reserve(ids.size());
  for (const TraceId& id : ids) run->entries.push_back(Fingerprint(id));
  std::ranges::sort(run->entries);
  const std::lock_guard lock(mutex_);
  covered_.insert(segment);
  runs_.push_back(std::move(run));
  // Few runs, and each entry is merged about as often as the number of runs doubles.
  while (runs_.size() >= 2) {
    const Run& last = *runs_[runs_.size() - 1];
    const Run& before = *runs_[runs_.size() - 2];
    if (before.stored || before.entries.size() > 2 * last.entries.size()) break;
    auto merged = std::make_shared<Run>(MergeRuns(before, last));
    runs_.pop_back();
    runs_.back() = std::move(merged);
  }
}

TraceIndex::Run TraceIndex::MergeRuns(const Run& a, const Run& b) {
  Run merged;
  merged.segments = a.segments;
  merged.segments.insert(merged.segments.end(), b.segments.begin(), b.segments.end());
  merged.entries.resize(a.entries.size() + b.entries.size());
  Entries moved = b.entries;
  for (uint64_t& entry : moved) entry += a.segments.size();
  std::ranges::merge(a.entries, moved, merged.entries.begin());
  return merged;
}

Result<std::shared_ptr<const TraceIndex::Entries>> TraceIndex::Page(const Run& run, size_t page,
                                                                    const Volume& volume,
                                                                    ColumnCache* cache) const {
  const ColumnCache::Key key{kIndexCacheKey | volume_number_, run.part,
                             static_cast<uint32_t>(page)};
  std::shared_ptr<const Cached> known =
      cache == nullptr ? nullptr : cache->Get(key, Shelf::kDirectories);
  if (known == nullptr) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string frame,
                            volume.Get(PageKey(run.part, static_cast<uint32_t>(page) + 1)));
    TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
    ByteReader in(body);
    Entries entries = ReadIntegers(&in, in.Count(kPageEntries));
    if (!std::ranges::is_sorted(entries)) in.Fail();
    for (const uint64_t entry : entries) {
      if ((entry & kPlaceMask) >= run.segments.size()) in.Fail();
    }
    TOCSIN_RETURN_IF_ERROR(in.Finish("page of the trace index"));
    known = std::make_shared<CachedPage>(std::move(entries));
    if (cache != nullptr) cache->Put(key, known, Shelf::kDirectories);
  }
  const auto& entries = static_cast<const CachedPage&>(*known).entries();
  return std::shared_ptr<const Entries>(known, &entries);
}

Status TraceIndex::FindInRun(const Run& run, std::span<const std::pair<uint64_t, size_t>> wanted,
                             const Volume& volume, ColumnCache& cache, const Found& found) const {
  std::shared_ptr<const Entries> held;
  size_t held_page = SIZE_MAX;
  for (const auto& [fingerprint, i] : wanted) {
    const uint64_t last = fingerprint | kPlaceMask;
    size_t page = 0;
    if (run.stored) {
      // What begins a page may also end the one before.
      const auto at = std::ranges::lower_bound(run.first, fingerprint) - run.first.begin();
      page = at == 0 ? 0 : static_cast<size_t>(at) - 1;
    }
    for (const size_t pages = run.stored ? run.first.size() : 1; page < pages; ++page) {
      if (run.stored && run.first[page] > last) break;
      if (run.stored && page != held_page) {
        TOCSIN_ASSIGN_OR_RETURN(held, Page(run, page, volume, &cache));
        held_page = page;
      }
      const Entries& entries = run.stored ? *held : run.entries;
      auto it = std::ranges::lower_bound(entries, fingerprint);
      for (; it != entries.end() && *it <= last; ++it) found(i, run.segments[*it & kPlaceMask]);
      if (it != entries.end()) break;
    }
  }
  return {};
}

Status TraceIndex::Find(std::span<const TraceId> ids, const Volume& volume, ColumnCache& cache,
                        const Found& found) const {
  std::vector<std::pair<uint64_t, size_t>> wanted;
  wanted.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) wanted.emplace_back(Fingerprint(ids[i]), i);
  std::ranges::sort(wanted);
  for (const RunPtr& run : Runs()) {
    TOCSIN_RETURN_IF_ERROR(FindInRun(*run, wanted, volume, cache, found));
  }
  return {};
}

Result<TraceIndex::RunPtr> TraceIndex::LoadPart(const Volume& volume, uint32_t part) const {
  TOCSIN_ASSIGN_OR_RETURN(const std::string frame, volume.Get(PageKey(part, 0)));
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  auto run = std::make_shared<Run>();
  run->stored = true;
  run->part = part;
  run->segments = ReadIntegers(&in, in.Count(kPlaceMask));
  run->first = ReadIntegers(&in, in.Count(kMaxPages));
  if (!std::ranges::is_sorted(run->first)) in.Fail();
  TOCSIN_RETURN_IF_ERROR(in.Finish("part of the trace index"));
  return RunPtr(std::move(run));
}

Status TraceIndex::Load(const Volume& volume) {
  for (uint32_t part = 0;; ++part) {
    const Result<Volume::OwnedEntry> entry = volume.Seek(PageKey(part, 0));
    if (!entry.has_value() && entry.error().code() == StatusCode::kNotFound) return {};
    if (!entry.has_value()) return entry.error();
    if (entry->key.size() != PageKey(0, 0).size() || !entry->key.starts_with('i')) return {};
    part = PartOf(entry->key);
    auto run = LoadPart(volume, part);
    const std::lock_guard lock(mutex_);
    next_part_ = part + 1;
    if (run.has_value()) {
      covered_.insert((*run)->segments.begin(), (*run)->segments.end());
      runs_.push_back(*std::move(run));
    } else {
      log::Warn("trace_index_damaged",
                {{"volume", volume.path()}, {"error", run.error().ToString()}});
    }
    if (part == UINT32_MAX) return {};
  }
}

size_t TraceIndex::MemoryEntries() const {
  size_t entries = 0;
  for (const RunPtr& run : Runs()) entries += run->entries.size();
  return entries;
}

size_t TraceIndex::MemoryBytes() const {
  size_t bytes = 0;
  for (const RunPtr& run : Runs()) {
    bytes += sizeof(Run) + VectorBytes(run->segments) + VectorBytes(run->entries) +
             VectorBytes(run->first);
  }
  return bytes;
}

// All of the runs as one, in memory.
Result<TraceIndex::Run> TraceIndex::WholeRun(const std::vector<RunPtr>& runs, const Volume& volume,
                                             const IsLive& live) const {
  Run whole;
  for (const RunPtr& run : runs) {
    if (live == nullptr && run->stored) continue;
    // The place of each segment in the whole; those that are gone have none.
    std::vector<uint64_t> places;
    for (const uint64_t segment : run->segments) {
      const bool kept = live == nullptr || live(segment);
      places.push_back(kept ? whole.segments.size() : UINT64_MAX);
      if (kept) whole.segments.push_back(segment);
    }
    for (size_t page = 0; page < (run->stored ? run->first.size() : 1); ++page) {
      std::shared_ptr<const Entries> stored;
      if (run->stored) {
        TOCSIN_ASSIGN_OR_RETURN(stored, Page(*run, page, volume, nullptr));
      }
      for (const uint64_t entry : stored != nullptr ? *stored : run->entries) {
        const uint64_t place = places[entry & kPlaceMask];
        if (place != UINT64_MAX) whole.entries.push_back((entry & ~kPlaceMask) | place);
      }
    }
  }
  std::ranges::sort(whole.entries);
  return whole;
}

Status TraceIndex::Store(Volume* volume, const IsLive& live) {
  const std::vector<RunPtr> runs = Runs();
  TOCSIN_ASSIGN_OR_RETURN(Run whole, WholeRun(runs, *volume, live));
  if (whole.segments.empty()) return {};
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
  if (live != nullptr) {
    for (const RunPtr& run : runs) {
      if (!run->stored) continue;
      for (size_t page = 0; page <= run->first.size(); ++page) {
        changes.emplace_back(PageKey(run->part, static_cast<uint32_t>(page)), std::nullopt);
      }
    }
  }
  auto stored = std::make_shared<Run>();
  stored->stored = true;
  {
    const std::lock_guard lock(mutex_);
    stored->part = next_part_++;
  }
  for (size_t begin = 0; begin < whole.entries.size(); begin += kPageEntries) {
    const auto page = std::span(whole.entries)
                          .subspan(begin, std::min(kPageEntries, whole.entries.size() - begin));
    stored->first.push_back(page.front());
    changes.emplace_back(PageKey(stored->part, static_cast<uint32_t>(stored->first.size())),
                         EncodePage(page));
  }
  std::string directory;
  PutVarint64(&directory, whole.segments.size());
  PutIntegers(whole.segments, Packing::kPlain, &directory);
  PutVarint64(&directory, stored->first.size());
  PutIntegers(stored->first, Packing::kPlain, &directory);
  changes.emplace_back(PageKey(stored->part, 0), SealFrame(directory, Compression::kNone));
  stored->segments = std::move(whole.segments);

  std::vector<Volume::Change> batch;
  batch.reserve(changes.size());
  for (const auto& [key, value] : changes) batch.push_back({key, value});
  TOCSIN_RETURN_IF_ERROR(volume->Apply(batch, /*sync=*/true));
  const std::lock_guard lock(mutex_);
  // What was added meanwhile stays; it may have been merged with a run that is now on disk: then a
  // trace is found twice.
  std::erase_if(runs_, [&](const RunPtr& run) {
    if (live == nullptr && run->stored) return false;
    return std::ranges::find(runs, run) != runs.end();
  });
  const auto behind_parts =
      std::ranges::find_if(runs_, [](const RunPtr& run) { return !run->stored; });
  runs_.insert(behind_parts, std::move(stored));
  return {};
}

}  // namespace tocsin::storage
