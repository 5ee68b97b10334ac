/// The counters behind the span metrics: a row of integers and one of exemplars for each entity, an
/// entity being a distinct (service, span name, kind, status, dimensions).
///
/// An entity is never removed and its number never changes. Not thread-safe: SpanMetrics locks.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/model/span_batch.h"

namespace tocsin::generate {

/// What tells entities apart. Texts are at most kMaxLabelValueBytes.
struct EntityKey {
  std::string_view service;  ///< "" where there is none.
  std::string_view name;
  SpanKind kind = SpanKind::kUnspecified;
  SpanStatus status = SpanStatus::kUnset;
  bool overflow = false;  ///< The one entity that counts what found no room; the rest is empty.
  std::string_view dimensions = {};  ///< As DimensionReader packs them.

  friend bool operator==(const EntityKey&, const EntityKey&) = default;
};

inline constexpr size_t kMaxLabelValueBytes = 2048;

/// The longest prefix of at most `max_bytes` that ends between two characters of UTF-8.
std::string_view TruncateUtf8(std::string_view text, size_t max_bytes);

class EntityTable {
 public:
  enum class Birth : uint8_t {
    kLive = 0,       ///< Counted, not yet collected.
    kReplayed = 1,   ///< As kLive, but a process before this one may have collected it.
    kCollected = 2,  ///< Its series are in the sink.
  };

  struct Entity {
    std::string service;
    std::string name;
    SpanKind kind = SpanKind::kUnspecified;
    SpanStatus status = SpanStatus::kUnset;
    bool overflow = false;
    std::string dimensions;

    EntityKey Key() const { return {service, name, kind, status, overflow, dimensions}; }
  };

  /// A span that shows a bucket. Empty if the trace id is zero.
  struct Exemplar {
    TraceId trace_id;
    uint64_t end = 0;       ///< Unix nanoseconds.
    uint64_t duration = 0;  ///< Nanoseconds.

    friend bool operator==(const Exemplar&, const Exemplar&) = default;
  };

  /// The first words of a row; the counts of the buckets, not cumulated, follow.
  enum Column : uint8_t { kCalls, kSize, kSumLow, kSumHigh, kFirstBucket };

  /// What a collection or a checkpoint reads without the lock.
  struct Snapshot {
    std::vector<std::shared_ptr<const Entity>> entities;
    std::vector<Birth> births;
    std::vector<uint64_t> rows;
    std::vector<Exemplar> exemplars;

    const uint64_t* Row(size_t entity, uint32_t buckets) const {
      return rows.data() + entity * (kFirstBucket + size_t{buckets});
    }
    const Exemplar* Exemplars(size_t entity, uint32_t buckets) const {
      return exemplars.data() + entity * size_t{buckets};
    }
  };

  static constexpr uint32_t kNone = UINT32_MAX;

  /// `bounds`: upper bounds of the buckets in nanoseconds, ascending, without +Inf.
  explicit EntityTable(std::vector<uint64_t> bounds);

  size_t size() const { return entities_.size(); }
  /// With +Inf.
  uint32_t buckets() const { return static_cast<uint32_t>(bounds_.size()) + 1; }
  const std::vector<uint64_t>& bounds() const { return bounds_; }

  /// The number of the entity, or kNone.
  uint32_t Find(const EntityKey& key) const;
  /// REQUIRES: Find(key) == kNone.
  uint32_t Add(const EntityKey& key, Birth birth);

  /// Counts one span. Hot.
  void Count(uint32_t entity, uint64_t wire_size, const Exemplar& span) {
    uint64_t* row = rows_.data() + entity * (kFirstBucket + size_t{buckets()});
    uint32_t bucket = 0;
    for (const uint64_t bound : bounds_) bucket += span.duration > bound ? 1U : 0U;
    row[kCalls] += 1;
    row[kSize] += wire_size;
    row[kSumLow] += span.duration;
    row[kSumHigh] += row[kSumLow] < span.duration ? 1U : 0U;
    row[kFirstBucket + bucket] += 1;
    Exemplar& exemplar = exemplars_[entity * size_t{buckets()} + bucket];
    if (span.end >= exemplar.end) exemplar = span;
  }

  Snapshot Copy() const { return {entities_, births_, rows_, exemplars_}; }

  /// Marks the entities of a collected snapshot as collected, and forgets the exemplars that went
  /// with it unless newer ones have taken their place.
  void MarkCollected(const Snapshot& snapshot);

  void AppendTo(std::string* out) const { Encode(Copy(), bounds_, out); }
  static void Encode(const Snapshot& snapshot, const std::vector<uint64_t>& bounds,
                     std::string* out);
  /// Takes a table of Encode off the front of `*input`. The entities that were not collected come
  /// back as kReplayed. Where the bounds differ from `bounds`, the histograms are empty.
  static Result<EntityTable> Decode(std::string_view* input, std::vector<uint64_t> bounds);

 private:
  struct KeyHash {
    size_t operator()(const EntityKey& key) const;
  };

  std::vector<uint64_t> bounds_;
  std::vector<std::shared_ptr<const Entity>> entities_;
  std::unordered_map<EntityKey, uint32_t, KeyHash> by_key_;  ///< Views into entities_.
  std::vector<Birth> births_;
  std::vector<uint64_t> rows_;
  std::vector<Exemplar> exemplars_;
};

}  // namespace tocsin::generate
