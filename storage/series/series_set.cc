#include "storage/series/series_set.h"

#include <algorithm>
#include <bit>

namespace tocsin::storage {

SeriesSet::SeriesSet(std::span<const SeriesId> ids) {
  std::vector<SeriesId> sorted(ids.begin(), ids.end());
  if (!std::ranges::is_sorted(sorted)) std::ranges::sort(sorted);
  for (const SeriesId id : sorted) {
    if (pages_.empty() || pages_.back() != id / kPage) {
      pages_.push_back(id / kPage);
      bits_.emplace_back();
    }
    uint64_t& word = bits_.back()[id % kPage / 64];
    const uint64_t bit = uint64_t{1} << (id % 64);
    if ((word & bit) == 0) ++size_;
    word |= bit;
  }
}

bool SeriesSet::Has(SeriesId id) const {
  const auto page = std::ranges::lower_bound(pages_, id / kPage);
  if (page == pages_.end() || *page != id / kPage) return false;
  const Bits& bits = bits_[static_cast<size_t>(page - pages_.begin())];
  return (bits[id % kPage / 64] >> (id % 64) & 1) != 0;
}

std::vector<SeriesId> SeriesSet::Ids() const {
  std::vector<SeriesId> ids;
  ids.reserve(size_);
  for (size_t page = 0; page < pages_.size(); ++page) {
    for (uint32_t word = 0; word < bits_[page].size(); ++word) {
      for (uint64_t left = bits_[page][word]; left != 0; left &= left - 1) {
        ids.push_back((pages_[page] * kPage) + (word * 64) +
                      static_cast<uint32_t>(std::countr_zero(left)));
      }
    }
  }
  return ids;
}

}  // namespace tocsin::storage
