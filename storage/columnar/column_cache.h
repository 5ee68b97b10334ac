/// ColumnCache: decoded columns, shared by all segments, within a budget of bytes. Least recently
/// used goes first. An entry that somebody still holds lives on outside the cache's account.

#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cpp/base/telemetry.h"

namespace tocsin::storage {

/// What the cache holds.
class Cached {
 public:
  virtual ~Cached() = default;
  virtual size_t MemoryBytes() const = 0;
};

/// Thread-safe.
class ColumnCache {
 public:
  struct Key {
    uint64_t segment = 0;  ///< Unique among the segments that share the cache.
    uint32_t column = 0;
    uint32_t form = 0;  ///< A column may be kept in several decoded forms.
    friend bool operator==(const Key&, const Key&) = default;
  };

  explicit ColumnCache(size_t max_bytes, Telemetry& telemetry = Telemetry::None());

  /// Null if absent.
  std::shared_ptr<const Cached> Get(const Key& key);
  /// Replaces an entry of the same key. An entry larger than an eighth of the budget is not kept.
  void Put(const Key& key, std::shared_ptr<const Cached> entry);
  /// Drops every entry of a segment; for segments that are gone.
  void Erase(uint64_t segment);

  size_t bytes() const;

 private:
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Slot {
    Key key;
    size_t bytes = 0;
    std::shared_ptr<const Cached> entry;
  };
  using Slots = std::list<Slot>;
  void Drop(Slots::iterator slot);

  const size_t max_bytes_;
  Counter& hits_;
  Counter& misses_;
  Gauge& held_;
  mutable std::mutex mutex_;
  Slots slots_;  // Most recently used first.
  std::unordered_map<Key, Slots::iterator, KeyHash> index_;
  size_t bytes_ = 0;
};

}  // namespace tocsin::storage
