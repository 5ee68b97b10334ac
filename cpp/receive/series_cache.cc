#include "cpp/receive/series_cache.h"

#include <algorithm>
#include <utility>

#include "cpp/base/seeded_mix.h"

namespace tocsin::receive {
namespace {

constexpr size_t kFirstSlots = 1024;

bool IsFree(const SeriesCache::Entry& slot) { return slot.identity == Hash128Value{}; }

}  // namespace

size_t SeriesCache::Table::SlotOf(const Hash128Value& identity) const {
  return SeededMix(identity.low) & (slots_.size() - 1);
}

SeriesRef SeriesCache::Table::Find(const Hash128Value& identity) const {
  if (slots_.empty()) return kUnknown;
  for (size_t slot = SlotOf(identity);; slot = (slot + 1) & (slots_.size() - 1)) {
    if (IsFree(slots_[slot])) return kUnknown;
    if (slots_[slot].identity == identity) return slots_[slot].series;
  }
}

void SeriesCache::Table::Insert(const Entry& entry) {
  if (IsFree(entry)) return;
  if (size_ * 4 >= slots_.size() * 3) Grow();
  size_t slot = SlotOf(entry.identity);
  while (!IsFree(slots_[slot]) && slots_[slot].identity != entry.identity) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  if (IsFree(slots_[slot])) ++size_;
  slots_[slot] = entry;
}

void SeriesCache::Table::Clear() {
  slots_ = {};
  size_ = 0;
}

void SeriesCache::Table::Grow() {
  std::vector<Entry> old(std::max(kFirstSlots, slots_.size() * 2));
  old.swap(slots_);
  size_ = 0;
  for (const Entry& entry : old) {
    if (!IsFree(entry)) Insert(entry);
  }
}

SeriesCache::SeriesCache(size_t max_series) : max_per_table_(std::max<size_t>(1, max_series / 2)) {}

void SeriesCache::Find(std::span<Entry> entries) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries) {
    entry.series = recent_.Find(entry.identity);
    if (entry.series != kUnknown) continue;
    entry.series = earlier_.Find(entry.identity);
    if (entry.series != kUnknown) Remember(entry);
  }
}

void SeriesCache::Insert(std::span<const Entry> entries) {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries) Remember(entry);
}

void SeriesCache::Remember(const Entry& entry) {
  if (recent_.size() >= max_per_table_) {
    std::swap(recent_, earlier_);
    recent_.Clear();
  }
  recent_.Insert(entry);
}

}  // namespace tocsin::receive
