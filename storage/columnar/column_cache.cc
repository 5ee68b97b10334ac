#include "storage/columnar/column_cache.h"

#include <iterator>
#include <utility>

namespace tocsin::storage {

size_t ColumnCache::KeyHash::operator()(const Key& key) const {
  uint64_t x = key.segment * 0x9e3779b97f4a7c15U ^ (uint64_t{key.column} << 32 | key.form);
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  return x ^ (x >> 32);
}

ColumnCache::ColumnCache(size_t max_bytes, Telemetry& telemetry)
    : max_bytes_(max_bytes),
      hits_(telemetry.GetCounter("tocsin_column_cache_hits_total",
                                 "Decoded columns found in the cache.")),
      misses_(telemetry.GetCounter("tocsin_column_cache_misses_total",
                                   "Decoded columns that had to be read and decoded.")),
      held_(telemetry.GetGauge("tocsin_column_cache_bytes", "Bytes of decoded columns held.")) {}

std::shared_ptr<const Cached> ColumnCache::Get(const Key& key) {
  std::shared_ptr<const Cached> entry;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = index_.find(key); it != index_.end()) {
      slots_.splice(slots_.begin(), slots_, it->second);
      entry = it->second->entry;
    }
  }
  (entry ? hits_ : misses_).Add(1);
  return entry;
}

void ColumnCache::Drop(Slots::iterator slot) {
  bytes_ -= slot->bytes;
  index_.erase(slot->key);
  slots_.erase(slot);
}

void ColumnCache::Put(const Key& key, std::shared_ptr<const Cached> entry) {
  const size_t bytes = entry->MemoryBytes() + sizeof(Slot) + sizeof(Key) + 64;
  size_t held = 0;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = index_.find(key); it != index_.end()) Drop(it->second);
    if (bytes > max_bytes_ / 8) return;
    slots_.push_front({key, bytes, std::move(entry)});
    index_.emplace(key, slots_.begin());
    bytes_ += bytes;
    while (bytes_ > max_bytes_) Drop(std::prev(slots_.end()));
    held = bytes_;
  }
  held_.Set(static_cast<double>(held));
}

void ColumnCache::Erase(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  for (auto it = slots_.begin(); it != slots_.end();) {
    const auto slot = it++;
    if (slot->key.segment == segment) Drop(slot);
  }
}

size_t ColumnCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace tocsin::storage
