/// ColumnCache: what was read of segments and decoded, shared by all queries, within a budget of
/// bytes. Two shelves, so that columns, which are large, do not push out what says whether a
/// segment needs to be looked into at all.
///
/// A full shelf takes a new entry only in place of entries that were asked for less often lately
/// (the least recently used go first). A query over more than fits thus finds what did fit, and
/// does not push out what others use. An entry that somebody still holds lives on outside the
/// cache's account.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cpp/base/telemetry.h"
#include "storage/columnar/frequency_sketch.h"

namespace tocsin::storage {

/// What the cache holds.
class Cached {
 public:
  virtual ~Cached() = default;
  virtual size_t MemoryBytes() const = 0;
};

enum class Shelf : uint8_t {
  kColumns,      ///< Three quarters of the budget.
  kDirectories,  ///< Footers and pages of trace indexes: a quarter.
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

  /// Null if absent. A key is always asked for on the same shelf.
  std::shared_ptr<const Cached> Get(const Key& key, Shelf shelf = Shelf::kColumns);
  /// Whether an entry that takes about so many bytes is worth making where there is a way without:
  /// Get() would find it, or it was asked for before and Put() would keep it. In place of others
  /// only if it was asked for twice as often, as among equals each would push out another. If not,
  /// this counts as asking for it.
  bool Wants(const Key& key, size_t bytes, Shelf shelf = Shelf::kColumns);
  /// Replaces an entry of the same key. An entry larger than an eighth of the shelf is not kept.
  void Put(const Key& key, std::shared_ptr<const Cached> entry, Shelf shelf = Shelf::kColumns);
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

  // One budget.
  class Part {
   public:
    explicit Part(size_t max_bytes) : max_bytes_(max_bytes) {}
    std::shared_ptr<const Cached> Get(const Key& key);
    bool Wants(const Key& key, size_t bytes);
    void Put(const Key& key, std::shared_ptr<const Cached> entry);
    void Erase(uint64_t segment);
    size_t bytes() const { return bytes_; }

   private:
    void NoteAsked(const Key& key);
    Slots::iterator Victims(int worth, size_t bytes, bool* enough);
    bool MakeRoom(const Key& key, size_t bytes);
    void Drop(Slots::iterator slot);

    const size_t max_bytes_;
    Slots slots_;  // Most recently used first.
    std::unordered_map<Key, Slots::iterator, KeyHash> index_;
    FrequencySketch asked_;
    size_t bytes_ = 0;
  };

  Part& PartOf(Shelf shelf) { return parts_[static_cast<size_t>(shelf)]; }

  std::array<Counter*, 2> hits_;  // By shelf, as all of these.
  std::array<Counter*, 2> misses_;
  std::array<Gauge*, 2> held_;
  mutable std::mutex mutex_;
  std::array<Part, 2> parts_;
};

}  // namespace tocsin::storage
