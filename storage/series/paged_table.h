/// A table by series number. Numbers grow for years and most of them are gone: only pages of
/// numbers that are in use take memory.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tocsin::storage {

/// Entries stay where they are, but not across Clear(). A page is `kPage` entries: fewer where
/// numbers are sparse, more where one wild number must not ask for many pages.
template <class T, size_t kPage = 256>
class PagedTable {
 public:
  /// The entry, or null if none near it was ever made.
  T* Find(uint32_t id) {
    const size_t page = id / kPage;
    return page < pages_.size() && pages_[page] != nullptr ? &(*pages_[page])[id % kPage] : nullptr;
  }
  const T* Find(uint32_t id) const { return const_cast<PagedTable*>(this)->Find(id); }

  /// REQUIRES: At(id) was called.
  T& operator[](uint32_t id) { return (*pages_[id / kPage])[id % kPage]; }
  const T& operator[](uint32_t id) const { return (*pages_[id / kPage])[id % kPage]; }

  /// The entry, made if it is not there, with its neighbours.
  T& At(uint32_t id) {
    const size_t page = id / kPage;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (pages_[page] == nullptr) pages_[page] = std::make_unique<Page>();
    return (*pages_[page])[id % kPage];
  }

  /// Calls `visit` with each number and its entry, ascending; also with neighbours never asked for.
  template <class Visit>
  void ForEach(Visit visit) {
    for (size_t page = 0; page < pages_.size(); ++page) {
      if (pages_[page] == nullptr) continue;
      for (size_t i = 0; i < kPage; ++i) {
        visit(static_cast<uint32_t>((page * kPage) + i), (*pages_[page])[i]);
      }
    }
  }
  template <class Visit>
  void ForEach(Visit visit) const {
    const_cast<PagedTable*>(this)->ForEach([&](uint32_t id, const T& entry) { visit(id, entry); });
  }

  void Clear() { pages_.clear(); }

 private:
  using Page = std::array<T, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace tocsin::storage
