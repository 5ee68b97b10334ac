#include "cpp/model/span_batch_builder.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <utility>

#include <sys/random.h>

#include "cpp/base/check.h"
#include "cpp/base/hash.h"

namespace tocsin {
namespace {

constexpr size_t kFirstSlots = 256;  // A power of two, as every size of a table.

// Texts and ids come from clients. With a seed that they cannot know, they cannot choose texts that
// collide, and probe lengths stay short.
uint64_t ProcessSeed() {
  static const uint64_t process_seed = [] {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != static_cast<ssize_t>(sizeof(seed))) {
      seed = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    return seed;
  }();
  return process_seed;
}

// As ==, for the short texts of which attributes consist: no call for 64 bytes or less.
inline bool Equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const char* x = a.data();
  const char* y = b.data();
  const size_t size = a.size();
  const auto differ = [&]<class Word>(size_t at, Word) {
    Word p;
    Word q;
    std::memcpy(&p, x + at, sizeof(Word));
    std::memcpy(&q, y + at, sizeof(Word));
    return p != q;
  };
  if (size > 64) return std::memcmp(x, y, size) == 0;
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) {
      if (differ(at, uint64_t{})) return false;
    }
    return !differ(size - 8, uint64_t{});
  }
  if (size >= 4) return !differ(0, uint32_t{}) && !differ(size - 4, uint32_t{});
  for (size_t at = 0; at < size; ++at) {
    if (x[at] != y[at]) return false;
  }
  return true;
}

inline uint64_t Mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  return x ^ (x >> 32);
}

bool IsText(ValueType type) {
  return type == ValueType::kString || type == ValueType::kBytes || type == ValueType::kComposite;
}

// The value of an attribute as 64 bits that are equal for equal values of one batch and type.
uint64_t ScalarBits(const SpanBatch& batch, ValueType type, uint32_t value) {
  if (type == ValueType::kInt) return static_cast<uint64_t>(batch.ints[value]);
  if (type == ValueType::kDouble) return std::bit_cast<uint64_t>(batch.doubles[value]);
  return value;
}

uint64_t HashAttrs(const SpanBatch& batch, SpanBatch::AttrRange range, uint64_t hash) {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const SpanBatch::Key key = batch.keys[batch.attrs[i].key];
    const uint32_t value = batch.attrs[i].value;
    hash = Hash64(batch.strings[key.name], hash + static_cast<uint64_t>(key.type));
    hash = IsText(key.type) ? Hash64(batch.strings[value], hash)
                            : Mix(hash ^ ScalarBits(batch, key.type, value));
  }
  return hash;
}

uint64_t HashResource(const SpanBatch& batch, const SpanBatch::Resource& resource, uint64_t seed) {
  return HashAttrs(batch, resource.attrs, Hash64(batch.strings[resource.schema_url], seed));
}

uint64_t HashScope(const SpanBatch& batch, const SpanBatch::Scope& scope, uint64_t seed) {
  uint64_t hash = HashResource(batch, batch.resources[scope.resource], seed);
  hash = Hash64(batch.strings[scope.name], hash);
  hash = Hash64(batch.strings[scope.version], hash);
  return HashAttrs(batch, scope.attrs, Hash64(batch.strings[scope.schema_url], hash));
}

}  // namespace

template <class Equals>
SpanBatchBuilder::Slot& SpanBatchBuilder::Table::Find(uint32_t tag, const Equals& equals) {
  const size_t mask = slots.size() - 1;
  for (size_t at = tag & mask;; at = (at + 1) & mask) {
    Slot& slot = slots[at];
    if (slot.id == 0 || (slot.tag == tag && equals(slot.id))) return slot;
  }
}

void SpanBatchBuilder::Table::Fill(Slot& slot, uint32_t tag, uint32_t id) {
  slot = {tag, id};
  if (++used * uint64_t{2} < slots.size()) return;
  std::vector<Slot> old(slots.size() * 2);
  old.swap(slots);
  for (const Slot& moved : old) {
    if (moved.id != 0) Find(moved.tag, [](uint32_t) { return false; }) = moved;
  }
}

SpanBatchBuilder::SpanBatchBuilder() : seed_(ProcessSeed()) {
  for (Table* table : {&strings_, &keys_, &traces_}) table->slots.resize(kFirstSlots);
}

StringId SpanBatchBuilder::Intern(std::string_view text) {
  if (text.empty()) return 0;
  const auto tag = static_cast<uint32_t>(Hash64(text, seed_));
  Slot& slot = strings_.Find(tag, [&](StringId id) { return Equal(batch_.strings[id], text); });
  if (slot.id != 0) return slot.id;
  const StringId id = batch_.strings.Append(text);
  strings_.Fill(slot, tag, id);
  return id;
}

uint32_t SpanBatchBuilder::FindKey(std::string_view name, ValueType type) {
  const StringId id = Intern(name);
  const auto tag = static_cast<uint32_t>(Mix(uint64_t{id} << 8 | static_cast<uint64_t>(type)));
  Slot& slot = keys_.Find(tag, [&](uint32_t found) {
    const SpanBatch::Key& key = batch_.keys[found - 1];
    return key.name == id && key.type == type;
  });
  if (slot.id != 0) return slot.id - 1;
  batch_.keys.push_back({id, type});
  memos_.emplace_back();
  const auto count = static_cast<uint32_t>(batch_.keys.size());
  keys_.Fill(slot, tag, count);
  return count - 1;
}

uint32_t SpanBatchBuilder::InternKey(std::string_view name, ValueType type) {
  if (!memos_.empty()) {
    const uint32_t guess = memos_[last_key_].next_key;
    const SpanBatch::Key& key = batch_.keys[guess];
    if (key.type == type && Equal(batch_.strings[key.name], name)) return last_key_ = guess;
  }
  const uint32_t key = FindKey(name, type);
  memos_[last_key_].next_key = key;
  return last_key_ = key;
}

uint32_t SpanBatchBuilder::InternTrace(const TraceId& id) {
  // The spans of a trace tend to come together.
  if (!batch_.traces.empty() && batch_.traces.back() == id) {
    return static_cast<uint32_t>(batch_.traces.size() - 1);
  }
  const auto tag = static_cast<uint32_t>(Mix(Mix(id.high ^ seed_) ^ id.low));
  Slot& slot = traces_.Find(tag, [&](uint32_t found) { return batch_.traces[found - 1] == id; });
  if (slot.id != 0) return slot.id - 1;
  batch_.traces.push_back(id);
  const auto count = static_cast<uint32_t>(batch_.traces.size());
  traces_.Fill(slot, tag, count);
  return count - 1;
}

void SpanBatchBuilder::AddText(std::string_view key, ValueType type, std::string_view value) {
  const uint32_t k = InternKey(key, type);
  if (!Equal(batch_.strings[memos_[k].value], value)) memos_[k].value = Intern(value);
  batch_.attrs.push_back({k, memos_[k].value});
}

void SpanBatchBuilder::AddString(std::string_view key, std::string_view value) {
  AddText(key, ValueType::kString, value);
}

void SpanBatchBuilder::AddBytes(std::string_view key, std::string_view value) {
  AddText(key, ValueType::kBytes, value);
}

void SpanBatchBuilder::AddComposite(std::string_view key, std::string_view any_value) {
  AddText(key, ValueType::kComposite, any_value);
}

void SpanBatchBuilder::AddBool(std::string_view key, bool value) {
  batch_.attrs.push_back({InternKey(key, ValueType::kBool), value ? 1U : 0U});
}

void SpanBatchBuilder::AddInt(std::string_view key, int64_t value) {
  Memo& memo = memos_[InternKey(key, ValueType::kInt)];
  if (memo.value >= batch_.ints.size() || batch_.ints[memo.value] != value) {
    memo.value = static_cast<uint32_t>(batch_.ints.size());
    batch_.ints.push_back(value);
  }
  batch_.attrs.push_back({last_key_, memo.value});
}

void SpanBatchBuilder::AddDouble(std::string_view key, double value) {
  Memo& memo = memos_[InternKey(key, ValueType::kDouble)];
  if (memo.value >= batch_.doubles.size() ||
      std::bit_cast<uint64_t>(batch_.doubles[memo.value]) != std::bit_cast<uint64_t>(value)) {
    memo.value = static_cast<uint32_t>(batch_.doubles.size());
    batch_.doubles.push_back(value);
  }
  batch_.attrs.push_back({last_key_, memo.value});
}

void SpanBatchBuilder::AddEmpty(std::string_view key) {
  batch_.attrs.push_back({InternKey(key, ValueType::kEmpty), 0});
}

void SpanBatchBuilder::Reserve(size_t rows) {
  // At least doubling, so that many small calls cost no more than push_back alone.
  const auto grow = [rows](auto& column) {
    const size_t size = column.size() + rows;
    if (size > column.capacity()) column.reserve(std::max(size, 2 * column.capacity()));
  };
  grow(batch_.trace);
  grow(batch_.span_id);
  grow(batch_.parent_span_id);
  grow(batch_.start);
  grow(batch_.end);
  grow(batch_.name);
  grow(batch_.kind);
  grow(batch_.status);
  grow(batch_.flags);
  grow(batch_.scope);
  grow(batch_.wire_size);
  grow(batch_.attr_begin);
  grow(batch_.event_begin);
  grow(batch_.link_begin);
}

SpanBatch::AttrRange SpanBatchBuilder::CopyAttrs(const SpanBatch& from,
                                                 SpanBatch::AttrRange range) {
  const uint32_t begin = AttrCount();
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const SpanBatch::Key& key = from.keys[from.attrs[i].key];
    const std::string_view name = from.strings[key.name];
    const uint32_t value = from.attrs[i].value;
    switch (key.type) {
      case ValueType::kString:
      case ValueType::kBytes:
      case ValueType::kComposite:
        AddText(name, key.type, from.strings[value]);
        break;
      case ValueType::kBool:
        AddBool(name, value != 0);
        break;
      case ValueType::kInt:
        AddInt(name, from.ints[value]);
        break;
      case ValueType::kDouble:
        AddDouble(name, from.doubles[value]);
        break;
      case ValueType::kEmpty:
        AddEmpty(name);
        break;
    }
  }
  return {begin, AttrCount()};
}

bool SpanBatchBuilder::SameAttrs(const SpanBatch& from, SpanBatch::AttrRange theirs,
                                 SpanBatch::AttrRange ours) const {
  if (theirs.end - theirs.begin != ours.end - ours.begin) return false;
  for (uint32_t i = 0; i < ours.end - ours.begin; ++i) {
    const SpanBatch::Attr a = from.attrs[theirs.begin + i];
    const SpanBatch::Attr b = batch_.attrs[ours.begin + i];
    const SpanBatch::Key x = from.keys[a.key];
    const SpanBatch::Key y = batch_.keys[b.key];
    if (x.type != y.type || !Equal(from.strings[x.name], batch_.strings[y.name])) return false;
    if (IsText(x.type)) {
      if (!Equal(from.strings[a.value], batch_.strings[b.value])) return false;
    } else if (ScalarBits(from, x.type, a.value) != ScalarBits(batch_, y.type, b.value)) {
      return false;
    }
  }
  return true;
}

bool SpanBatchBuilder::SameResource(const SpanBatch& from, uint32_t theirs, uint32_t ours) const {
  const SpanBatch::Resource& a = from.resources[theirs];
  const SpanBatch::Resource& b = batch_.resources[ours];
  return a.dropped_attributes == b.dropped_attributes &&
         Equal(from.strings[a.schema_url], batch_.strings[b.schema_url]) &&
         SameAttrs(from, a.attrs, b.attrs);
}

bool SpanBatchBuilder::SameScope(const SpanBatch& from, uint32_t theirs, uint32_t ours) const {
  const SpanBatch::Scope& a = from.scopes[theirs];
  const SpanBatch::Scope& b = batch_.scopes[ours];
  return a.dropped_attributes == b.dropped_attributes &&
         Equal(from.strings[a.name], batch_.strings[b.name]) &&
         Equal(from.strings[a.version], batch_.strings[b.version]) &&
         Equal(from.strings[a.schema_url], batch_.strings[b.schema_url]) &&
         SameAttrs(from, a.attrs, b.attrs) && SameResource(from, a.resource, b.resource);
}

uint32_t SpanBatchBuilder::AddResource(const SpanBatch& from, uint32_t resource) {
  if (copied_resources_.slots.empty()) copied_resources_.slots.resize(kFirstSlots);
  const SpanBatch::Resource& source = from.resources[resource];
  const auto tag = static_cast<uint32_t>(HashResource(from, source, seed_));
  Slot& slot = copied_resources_.Find(
      tag, [&](uint32_t found) { return SameResource(from, resource, found - 1); });
  if (slot.id != 0) return slot.id - 1;
  const SpanBatch::AttrRange attrs = CopyAttrs(from, source.attrs);
  batch_.resources.push_back(
      {attrs, source.dropped_attributes, Intern(from.strings[source.schema_url])});
  const auto count = static_cast<uint32_t>(batch_.resources.size());
  copied_resources_.Fill(slot, tag, count);
  return count - 1;
}

uint32_t SpanBatchBuilder::AddScope(const SpanBatch& from, uint32_t scope) {
  if (scope >= scope_guess_.size()) scope_guess_.resize(from.scopes.size());
  const uint32_t guess = scope_guess_[scope];
  if (guess < batch_.scopes.size() && SameScope(from, scope, guess)) return guess;

  if (copied_scopes_.slots.empty()) copied_scopes_.slots.resize(kFirstSlots);
  const SpanBatch::Scope& source = from.scopes[scope];
  const auto tag = static_cast<uint32_t>(HashScope(from, source, seed_));
  Slot& slot =
      copied_scopes_.Find(tag, [&](uint32_t found) { return SameScope(from, scope, found - 1); });
  if (slot.id != 0) return scope_guess_[scope] = slot.id - 1;
  const uint32_t resource = AddResource(from, source.resource);
  const SpanBatch::AttrRange attrs = CopyAttrs(from, source.attrs);
  batch_.scopes.push_back({resource, Intern(from.strings[source.name]),
                           Intern(from.strings[source.version]), attrs, source.dropped_attributes,
                           Intern(from.strings[source.schema_url])});
  const auto count = static_cast<uint32_t>(batch_.scopes.size());
  copied_scopes_.Fill(slot, tag, count);
  return scope_guess_[scope] = count - 1;
}

void SpanBatchBuilder::CopyRow(const SpanBatch& from, uint32_t row) {
  batch_.scope.push_back(AddScope(from, from.scope[row]));
  const auto here = static_cast<uint32_t>(batch_.rows());
  CopyAttrs(from, {from.attr_begin[row], from.attr_begin[row + 1]});
  for (uint32_t i = from.event_begin[row]; i < from.event_begin[row + 1]; ++i) {
    SpanBatch::Event event = from.events[i];
    event.name = Intern(from.strings[event.name]);
    event.attrs = CopyAttrs(from, event.attrs);
    batch_.events.push_back(event);
  }
  for (uint32_t i = from.link_begin[row]; i < from.link_begin[row + 1]; ++i) {
    SpanBatch::Link link = from.links[i];
    link.trace_state = Intern(from.strings[link.trace_state]);
    link.attrs = CopyAttrs(from, link.attrs);
    batch_.links.push_back(link);
  }
  SpanBatch::Extra extra = from.ExtraOf(row);
  if (extra.status_message != 0 || extra.trace_state != 0 || extra.dropped_attributes != 0 ||
      extra.dropped_events != 0 || extra.dropped_links != 0) {
    extra.row = here;
    extra.status_message = Intern(from.strings[extra.status_message]);
    extra.trace_state = Intern(from.strings[extra.trace_state]);
    batch_.extras.push_back(extra);
  }
  batch_.trace.push_back(InternTrace(from.traces[from.trace[row]]));
  batch_.span_id.push_back(from.span_id[row]);
  batch_.parent_span_id.push_back(from.parent_span_id[row]);
  batch_.start.push_back(from.start[row]);
  batch_.end.push_back(from.end[row]);
  batch_.name.push_back(Intern(from.strings[from.name[row]]));
  batch_.kind.push_back(from.kind[row]);
  batch_.status.push_back(from.status[row]);
  batch_.flags.push_back(from.flags[row]);
  batch_.wire_size.push_back(from.wire_size[row]);
  batch_.attr_begin.push_back(AttrCount());
  batch_.event_begin.push_back(static_cast<uint32_t>(batch_.events.size()));
  batch_.link_begin.push_back(static_cast<uint32_t>(batch_.links.size()));
}

// Puts the attributes of spans first, row after row, and every other list behind them.
void SpanBatchBuilder::SeparateAttrs() {
  std::vector<SpanBatch::AttrRange*> lists;
  const auto collect = [&](auto& owners) {
    for (auto& owner : owners) {
      TOCSIN_CHECK(owner.attrs.begin <= owner.attrs.end && owner.attrs.end <= AttrCount());
      if (owner.attrs.begin == owner.attrs.end) {
        owner.attrs = {};
      } else {
        lists.push_back(&owner.attrs);
      }
    }
  };
  collect(batch_.resources);
  collect(batch_.scopes);
  collect(batch_.events);
  collect(batch_.links);
  std::sort(lists.begin(), lists.end(),
            [](const auto* a, const auto* b) { return a->begin < b->begin; });

  std::vector<SpanBatch::Attr> sorted;
  sorted.reserve(batch_.attrs.size());
  const auto copy = [&](uint32_t begin, uint32_t end) {
    if (begin >= end) return;
    const auto from = batch_.attrs.begin();
    sorted.insert(sorted.end(), from + begin, from + end);
  };
  uint32_t at = 0;
  auto list = lists.begin();
  for (size_t row = 0; row < batch_.rows(); ++row) {
    const uint32_t end = batch_.attr_begin[row + 1];
    for (; list != lists.end() && (*list)->begin < end; ++list) {
      copy(at, (*list)->begin);
      at = std::max(at, (*list)->end);
    }
    copy(at, end);
    at = std::max(at, end);
    batch_.attr_begin[row + 1] = static_cast<uint32_t>(sorted.size());
  }
  for (SpanBatch::AttrRange* range : lists) {
    const auto begin = static_cast<uint32_t>(sorted.size());
    copy(range->begin, range->end);
    *range = {begin, static_cast<uint32_t>(sorted.size())};
  }
  batch_.attrs = std::move(sorted);
}

SpanBatch SpanBatchBuilder::Finish() && {
  SeparateAttrs();
  SpanBatch& batch = batch_;
  const size_t rows = batch.rows();
  const auto finish = [](auto& column, size_t size) {
    TOCSIN_CHECK(column.size() == size);
    column.shrink_to_fit();
  };
  finish(batch.trace, rows);
  finish(batch.span_id, rows);
  finish(batch.parent_span_id, rows);
  finish(batch.start, rows);
  finish(batch.end, rows);
  finish(batch.name, rows);
  finish(batch.kind, rows);
  finish(batch.status, rows);
  finish(batch.flags, rows);
  finish(batch.scope, rows);
  finish(batch.wire_size, rows);
  finish(batch.attr_begin, rows + 1);
  finish(batch.event_begin, rows + 1);
  finish(batch.link_begin, rows + 1);
  const auto trim = [](auto&... tables) { (tables.shrink_to_fit(), ...); };
  trim(batch.keys, batch.ints, batch.doubles, batch.attrs, batch.resources, batch.scopes,
       batch.traces, batch.events, batch.links, batch.extras);
  batch.strings.ShrinkToFit();
  return std::move(batch_);
}

}  // namespace tocsin
