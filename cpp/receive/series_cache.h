/// Knows series by a hash of their label bytes, so that the labels of a series that was seen before
/// are never looked at again.

#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/ports.h"

namespace tocsin::receive {

/// Bounded: of more series than it may hold it forgets those that were not asked for lately. Refs
/// are never taken back, as they are good for the life of the sink. Thread-safe.
class SeriesCache {
 public:
  /// What Find says of an identity that is not known.
  static constexpr SeriesRef kUnknown = ~SeriesRef{0};

  struct Entry {
    Hash128Value identity;
    SeriesRef series = kUnknown;
  };

  /// Takes at most 64 bytes for each of `max_series`, and little as long as few are known.
  explicit SeriesCache(size_t max_series);

  /// Sets `entry.series` of each.
  void Find(std::span<Entry> entries);
  void Insert(std::span<const Entry> entries);

 private:
  // Open addressing with linear probing. No identity is all zeros: that is what marks a free slot.
  class Table {
   public:
    size_t size() const { return size_; }
    SeriesRef Find(const Hash128Value& identity) const;
    void Insert(const Entry& entry);
    void Clear();

   private:
    size_t SlotOf(const Hash128Value& identity) const;
    void Grow();

    std::vector<Entry> slots_;  ///< A power of two, or none.
    size_t size_ = 0;
  };

  void Remember(const Entry& entry);

  const size_t max_per_table_;
  std::mutex mutex_;
  Table recent_;  ///< When it is full it becomes the earlier one, whose place it takes.
  Table earlier_;
};

}  // namespace tocsin::receive
