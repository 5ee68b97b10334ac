#include "storage/columnar/column_cache.h"

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin::storage {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"column", "directory"};

std::string MetricName(size_t shelf, std::string_view what) {
  return "tocsin_" + std::string(kNames[shelf]) + "_cache_" + std::string(what);
}

}  // namespace

size_t ColumnCache::KeyHash::operator()(const Key& key) const {
  uint64_t x = key.segment * 0x9e3779b97f4a7c15U ^ (uint64_t{key.column} << 32 | key.form);
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  return x ^ (x >> 32);
}

void ColumnCache::Part::NoteAsked(const Key& key) {
  // Often enough that what fills the shelf can be overtaken, seldom enough to tell its entries
  // apart.
  asked_.Add(KeyHash()(key), 256 + slots_.size() * 10);
}

std::shared_ptr<const Cached> ColumnCache::Part::Get(const Key& key) {
  if (max_bytes_ == 0) return nullptr;
  NoteAsked(key);
  const auto it = index_.find(key);
  if (it == index_.end()) return nullptr;
  slots_.splice(slots_.begin(), slots_, it->second);
  return it->second->entry;
}

void ColumnCache::Part::Drop(Slots::iterator slot) {
  bytes_ -= slot->bytes;
  index_.erase(slot->key);
  slots_.erase(slot);
}

bool ColumnCache::Part::Wants(const Key& key, size_t bytes) {
  if (max_bytes_ == 0) return false;
  if (index_.contains(key)) return true;
  bool wanted = false;
  const int asked = asked_.Estimate(KeyHash()(key));
  if (bytes <= max_bytes_ / 8 && asked > 0) Victims(asked / 2, bytes, &wanted);
  if (!wanted) NoteAsked(key);
  return wanted;
}

// The least recently used entries from which on as much room can be had as is missing; not enough
// if one of them is worth as much.
ColumnCache::Slots::iterator ColumnCache::Part::Victims(int worth, size_t bytes, bool* enough) {
  size_t room = max_bytes_ - bytes_;
  auto first = slots_.end();
  *enough = true;
  while (room < bytes) {
    --first;
    if (asked_.Estimate(KeyHash()(first->key)) >= worth) {
      *enough = false;
      return slots_.end();
    }
    room += first->bytes;
  }
  return first;
}

// False: what is there is worth more. Nothing is dropped then.
bool ColumnCache::Part::MakeRoom(const Key& key, size_t bytes) {
  bool enough = false;
  const uint8_t worth = asked_.Estimate(KeyHash()(key));
  for (auto slot = Victims(worth, bytes, &enough); slot != slots_.end();) Drop(slot++);
  return enough;
}

void ColumnCache::Part::Put(const Key& key, std::shared_ptr<const Cached> entry) {
  const size_t bytes = entry->MemoryBytes() + sizeof(Slot) + sizeof(Key) + 64;
  if (const auto it = index_.find(key); it != index_.end()) Drop(it->second);
  if (bytes > max_bytes_ / 8 || !MakeRoom(key, bytes)) return;
  slots_.push_front({key, bytes, std::move(entry)});
  index_.emplace(key, slots_.begin());
  bytes_ += bytes;
}

void ColumnCache::Part::Erase(uint64_t segment) {
  for (auto it = slots_.begin(); it != slots_.end();) {
    const auto slot = it++;
    if (slot->key.segment == segment) Drop(slot);
  }
}

ColumnCache::ColumnCache(size_t max_bytes, Telemetry& telemetry)
    : parts_{Part(max_bytes - max_bytes / 4), Part(max_bytes / 4)} {
  constexpr std::array<std::string_view, 2> kWhat = {
      "Decoded columns", "Decoded footers of segments and pages of trace indexes"};
  for (size_t shelf = 0; shelf < parts_.size(); ++shelf) {
    const std::string what(kWhat[shelf]);
    hits_[shelf] =
        &telemetry.GetCounter(MetricName(shelf, "hits_total"), what + " found in memory.");
    misses_[shelf] = &telemetry.GetCounter(MetricName(shelf, "misses_total"),
                                           what + " that had to be read and decoded.");
    held_[shelf] = &telemetry.GetGauge(MetricName(shelf, "bytes"), "Bytes held: " + what + ".");
  }
}

std::shared_ptr<const Cached> ColumnCache::Get(const Key& key, Shelf shelf) {
  std::shared_ptr<const Cached> entry;
  {
    const std::lock_guard lock(mutex_);
    entry = PartOf(shelf).Get(key);
  }
  const auto index = static_cast<size_t>(shelf);
  (entry != nullptr ? hits_[index] : misses_[index])->Add(1);
  return entry;
}

bool ColumnCache::Wants(const Key& key, size_t bytes, Shelf shelf) {
  const std::lock_guard lock(mutex_);
  return PartOf(shelf).Wants(key, bytes);
}

void ColumnCache::Put(const Key& key, std::shared_ptr<const Cached> entry, Shelf shelf) {
  size_t held = 0;
  {
    const std::lock_guard lock(mutex_);
    PartOf(shelf).Put(key, std::move(entry));
    held = PartOf(shelf).bytes();
  }
  held_[static_cast<size_t>(shelf)]->Set(static_cast<double>(held));
}

void ColumnCache::Erase(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  for (Part& part : parts_) part.Erase(segment);
}

size_t ColumnCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return parts_[0].bytes() + parts_[1].bytes();
}

}  // namespace tocsin::storage
