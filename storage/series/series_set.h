/// A set of series, one bit each in pages of those that there are.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/series/label_index.h"

namespace tocsin::storage {

class SeriesSet {
 public:
  SeriesSet() = default;
  /// Of numbers in any order, repetitions allowed.
  explicit SeriesSet(std::span<const SeriesId> ids);

  bool Has(SeriesId id) const;
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::vector<SeriesId> Ids() const;  ///< Ascending.

 private:
  static constexpr uint32_t kPage = 512;
  using Bits = std::array<uint64_t, kPage / 64>;

  std::vector<uint32_t> pages_;  ///< Their numbers, ascending.
  std::vector<Bits> bits_;       ///< Of each page.
  size_t size_ = 0;
};

}  // namespace tocsin::storage
