// Encoding of a table (varints unless said otherwise):
//
//     bounds      count, then each bound in nanoseconds
//     entities    count, then for each:
//         flags       u8: bits 0-2 kind, 3-4 status, 5 overflow, 6 collected, 7 dimensions
//         service     length and bytes
//         name        length and bytes
//         dimensions  length and bytes, only with flag 7
//         calls, size, sum (low, high 64 bits), then the count of each bucket
//         exemplars   count, then for each: bucket, trace id (16 bytes), end, duration

#include "cpp/generate/entity_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/hash.h"

namespace tocsin::generate {
namespace {

constexpr size_t kTraceIdBytes = 16;
constexpr uint8_t kMaxKind = static_cast<uint8_t>(SpanKind::kConsumer);
constexpr uint8_t kMaxStatus = static_cast<uint8_t>(SpanStatus::kError);
// An encoded entity takes at least this: flags, two lengths, four sums, one bucket, a count.
constexpr size_t kMinEntityBytes = 9;

void PutText(std::string* out, std::string_view text) {
  PutVarint64(out, text.size());
  out->append(text);
}

/// Takes encoded fields off the front; after the first one that is not there, ok() is false and
/// everything is 0.
class Reader {
 public:
  explicit Reader(std::string_view input) : input_(input) {}

  uint64_t Varint() {
    const std::optional<uint64_t> value = ok_ ? GetVarint64(&input_) : std::nullopt;
    ok_ = value.has_value();
    return value.value_or(0);
  }
  std::string_view Bytes(uint64_t size) {
    if (!ok_ || size > input_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = input_.substr(0, size);
    input_.remove_prefix(size);
    return bytes;
  }
  std::string_view Text() { return Bytes(Varint()); }
  uint8_t Byte() {
    const std::string_view byte = Bytes(1);
    return byte.empty() ? uint8_t{0} : static_cast<uint8_t>(byte[0]);
  }

  bool ok() const { return ok_; }
  std::string_view rest() const { return input_; }

 private:
  std::string_view input_;
  bool ok_ = true;
};

}  // namespace

std::string_view TruncateUtf8(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  // A byte 10xxxxxx continues a character: step back to where one begins.
  while (max_bytes > 0 && (static_cast<uint8_t>(text[max_bytes]) & 0xc0U) == 0x80U) --max_bytes;
  return text.substr(0, max_bytes);
}

size_t EntityTable::KeyHash::operator()(const EntityKey& key) const {
  const uint64_t seed = static_cast<uint64_t>(key.kind) | static_cast<uint64_t>(key.status) << 8 |
                        static_cast<uint64_t>(key.overflow) << 16;
  const size_t hash = Hash64(key.name, Hash64(key.service, seed));
  return key.dimensions.empty() ? hash : Hash64(key.dimensions, hash);
}

EntityTable::EntityTable(std::vector<uint64_t> bounds) : bounds_(std::move(bounds)) {}

uint32_t EntityTable::Find(const EntityKey& key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? kNone : it->second;
}

uint32_t EntityTable::Add(const EntityKey& key, Birth birth) {
  TOCSIN_CHECK(entities_.size() < kNone);
  const auto number = static_cast<uint32_t>(entities_.size());
  entities_.push_back(std::make_shared<const Entity>(
      Entity{std::string(key.service), std::string(key.name), key.kind, key.status, key.overflow,
             std::string(key.dimensions)}));
  const bool added = by_key_.emplace(entities_.back()->Key(), number).second;
  TOCSIN_CHECK(added);
  births_.push_back(birth);
  rows_.resize(rows_.size() + kFirstBucket + buckets());
  exemplars_.resize(exemplars_.size() + buckets());
  return number;
}

void EntityTable::MarkCollected(const Snapshot& snapshot) {
  std::ranges::fill_n(births_.begin(), static_cast<std::ptrdiff_t>(snapshot.births.size()),
                      Birth::kCollected);
  for (size_t i = 0; i < snapshot.exemplars.size(); ++i) {
    if (exemplars_[i] == snapshot.exemplars[i]) exemplars_[i] = Exemplar();
  }
}

void EntityTable::Encode(const Snapshot& snapshot, const std::vector<uint64_t>& bounds,
                         std::string* out) {
  PutVarint64(out, bounds.size());
  for (const uint64_t bound : bounds) PutVarint64(out, bound);
  const auto buckets = static_cast<uint32_t>(bounds.size()) + 1;
  PutVarint64(out, snapshot.entities.size());
  for (size_t i = 0; i < snapshot.entities.size(); ++i) {
    const Entity& entity = *snapshot.entities[i];
    const bool collected = snapshot.births[i] == Birth::kCollected;
    out->push_back(static_cast<char>(static_cast<unsigned>(entity.kind) |
                                     static_cast<unsigned>(entity.status) << 3 |
                                     (entity.overflow ? 1U << 5 : 0U) | (collected ? 1U << 6 : 0U) |
                                     (entity.dimensions.empty() ? 0U : 1U << 7)));
    PutText(out, entity.service);
    PutText(out, entity.name);
    if (!entity.dimensions.empty()) PutText(out, entity.dimensions);
    const uint64_t* row = snapshot.Row(i, buckets);
    for (uint32_t column = 0; column < kFirstBucket + buckets; ++column) {
      PutVarint64(out, row[column]);
    }
    const Exemplar* exemplars = snapshot.Exemplars(i, buckets);
    const auto present = std::count_if(exemplars, exemplars + buckets,
                                       [](const Exemplar& e) { return !e.trace_id.IsZero(); });
    PutVarint64(out, static_cast<uint64_t>(present));
    for (uint32_t bucket = 0; bucket < buckets; ++bucket) {
      const Exemplar& exemplar = exemplars[bucket];
      if (exemplar.trace_id.IsZero()) continue;
      PutVarint64(out, bucket);
      out->append(exemplar.trace_id.ToBytes());
      PutVarint64(out, exemplar.end);
      PutVarint64(out, exemplar.duration);
    }
  }
}

Result<EntityTable> EntityTable::Decode(std::string_view* input, std::vector<uint64_t> bounds) {
  Reader reader(*input);
  const auto corrupt = [](std::string_view what) { return CorruptionError(what); };
  std::vector<uint64_t> stored_bounds;
  const uint64_t bound_count = reader.Varint();
  if (bound_count > reader.rest().size()) return corrupt("span metrics: impossible bucket count");
  stored_bounds.reserve(bound_count);
  for (uint64_t i = 0; i < bound_count; ++i) stored_bounds.push_back(reader.Varint());
  const bool same_bounds = stored_bounds == bounds;

  EntityTable table(std::move(bounds));
  const uint64_t count = reader.Varint();
  if (count > reader.rest().size() / kMinEntityBytes) {
    return corrupt("span metrics: impossible entity count");
  }
  for (uint64_t i = 0; i < count; ++i) {
    const uint8_t flags = reader.Byte();
    const bool dimensions = (flags & (1U << 7)) != 0;
    const EntityKey key{.service = reader.Text(),
                        .name = reader.Text(),
                        .kind = static_cast<SpanKind>(flags & 7U),
                        .status = static_cast<SpanStatus>((flags >> 3) & 3U),
                        .overflow = (flags & (1U << 5)) != 0,
                        .dimensions = dimensions ? reader.Text() : std::string_view()};
    if (!reader.ok() || (flags & 7U) > kMaxKind || ((flags >> 3) & 3U) > kMaxStatus ||
        dimensions == key.dimensions.empty() || table.Find(key) != kNone) {
      return corrupt("span metrics: bad entity");
    }
    const uint32_t entity =
        table.Add(key, (flags & (1U << 6)) != 0 ? Birth::kCollected : Birth::kReplayed);
    uint64_t* row = table.rows_.data() + entity * (kFirstBucket + size_t{table.buckets()});
    for (uint64_t column = 0; column <= kFirstBucket + bound_count; ++column) {
      const uint64_t value = reader.Varint();
      if (same_bounds || column <= kSize) row[column] = value;
    }
    const uint64_t exemplar_count = reader.Varint();
    if (exemplar_count > bound_count + 1) return corrupt("span metrics: too many exemplars");
    for (uint64_t e = 0; e < exemplar_count; ++e) {
      const uint64_t bucket = reader.Varint();
      const std::string_view id = reader.Bytes(kTraceIdBytes);
      const uint64_t end = reader.Varint();
      const uint64_t duration = reader.Varint();
      if (!reader.ok() || bucket > bound_count) return corrupt("span metrics: bad exemplar");
      if (!same_bounds) continue;
      // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): ok() says that it is 16 bytes.
      table.exemplars_[entity * size_t{table.buckets()} + bucket] = {TraceId::FromBytes(id.data()),
                                                                     end, duration};
    }
  }
  if (!reader.ok()) return corrupt("span metrics: cut short");
  *input = reader.rest();
  return table;
}

}  // namespace tocsin::generate
