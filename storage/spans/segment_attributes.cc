#include "storage/spans/segment_attributes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/hash.h"
#include "cpp/base/seeded_mix.h"

namespace tocsin::storage {
namespace {

constexpr uint32_t kNoSlot = UINT32_MAX;

// Numbers distinct sequences of slots in the order in which they come.
class ShapeTable {
 public:
  void Add(std::span<const uint32_t> sequence) {
    uint64_t hash = sequence.size();
    for (const uint32_t slot : sequence) hash = (hash ^ slot) * 0x9e3779b97f4a7c15U + (hash >> 29);
    shapes_.codes.push_back(Find(SeededMix(hash), sequence));
  }
  Shapes Take() && { return std::move(shapes_); }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t id = 0;  // + 1; 0 is free.
  };

  uint32_t Find(uint64_t hash, std::span<const uint32_t> sequence) {
    if (shapes_.size() * 2 >= slots_.size()) Grow();
    const auto tag = static_cast<uint32_t>(hash);
    for (size_t at = tag;; ++at) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.id == 0) {
        shapes_.slots.insert(shapes_.slots.end(), sequence.begin(), sequence.end());
        shapes_.begin.push_back(static_cast<uint32_t>(shapes_.slots.size()));
        slot = {tag, static_cast<uint32_t>(shapes_.size())};
        return slot.id - 1;
      }
      if (slot.tag == tag && std::ranges::equal(shapes_[slot.id - 1], sequence)) return slot.id - 1;
    }
  }

  void Grow() {
    std::vector<Slot> old(std::max<size_t>(64, slots_.size() * 2));
    old.swap(slots_);
    for (const Slot& moved : old) {
      if (moved.id == 0) continue;
      size_t at = moved.tag;
      while (slots_[at & (slots_.size() - 1)].id != 0) ++at;
      slots_[at & (slots_.size() - 1)] = moved;
    }
  }

  Shapes shapes_;
  std::vector<Slot> slots_;
};

}  // namespace

void Dictionary::Grow() {
  slots_.assign(std::max<size_t>(16, slots_.size() * 2), 0);
  for (uint32_t code = 0; code < values_.size(); ++code) {
    size_t at = SeededMix(values_[code]);
    while (slots_[at & (slots_.size() - 1)] != 0) ++at;
    slots_[at & (slots_.size() - 1)] = code + 1;
  }
}

uint32_t Dictionary::Find(uint64_t value) {
  if (values_.size() * 2 >= slots_.size()) Grow();
  for (size_t at = SeededMix(value);; ++at) {
    uint32_t& slot = slots_[at & (slots_.size() - 1)];
    if (slot == 0) {
      values_.push_back(value);
      slot = static_cast<uint32_t>(values_.size());
      return slot - 1;
    }
    if (values_[slot - 1] == value) return slot - 1;
  }
}

ValueSummary ValueColumn::Summarize(uint32_t column, TextPool* texts) const {
  ValueSummary summary;
  summary.column = column;
  const std::vector<uint64_t>& values = values_.values();
  if (values.empty()) return summary;
  const bool text = ValueList::TypeIsText(type_);
  summary.listed = values.size() <= ValueSummary::kMaxListed;
  for (size_t i = 0; summary.listed && i < values.size(); ++i) {
    summary.values.push_back(text ? ValueSummary::HashOf((*texts)[values[i]])
                                  : ValueSummary::HashOf(values[i]));
  }
  std::ranges::sort(summary.values);
  if (text || type_ == ValueType::kEmpty) return summary;
  summary.ranged = true;
  summary.min = INT64_MAX;
  summary.max = INT64_MIN;
  for (const uint64_t bits : values) {
    auto low = static_cast<int64_t>(bits);
    int64_t high = low;
    if (type_ == ValueType::kDouble) {
      const double number = std::bit_cast<double>(bits);
      constexpr double kBound = 9e18;
      // What no 64-bit number is near to has no range.
      if (!(std::abs(number) < kBound)) {
        summary.ranged = false;
        return summary;
      }
      low = static_cast<int64_t>(std::floor(number));
      high = static_cast<int64_t>(std::ceil(number));
    }
    summary.min = std::min(summary.min, low);
    summary.max = std::max(summary.max, high);
  }
  return summary;
}

void ValueColumn::AppendHashes(const ValueHasher& hasher, TextPool* texts,
                               std::vector<uint64_t>* out) const {
  const bool text = ValueList::TypeIsText(type_);
  for (const uint64_t value : values_.values()) {
    out->push_back(text ? hasher.Text((*texts)[value]) : hasher.Number(value));
  }
}

std::string ValueColumn::Encode(TextPool* texts, Packing packing) {
  ValueList list;
  list.type = type_;
  list.codes = std::move(codes_);
  if (list.IsText()) {
    for (const uint64_t id : values_.values()) list.texts.Append((*texts)[id]);
  } else {
    list.numbers = values_.values();
  }
  std::string out;
  PutValues(list, packing, &out);
  return out;
}

void AttributeTable::AppendIdentity(SpanBatch::AttrRange range, std::string* out) const {
  PutVarint64(out, range.end - range.begin);
  for (uint32_t i = range.begin; i < range.end; ++i) {
    PutVarint64(out, attrs_[i].key);
    PutVarint64(out, ValueOf(attrs_[i]));
  }
}

std::optional<std::pair<ValueType, uint64_t>> AttributeTable::First(SpanBatch::AttrRange range,
                                                                    uint32_t name) const {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const Attr& attr = attrs_[i];
    if (NameOf(attr.key) == name) return std::pair(TypeOf(attr.key), ValueOf(attr));
  }
  return std::nullopt;
}

// The slot of each key: the most frequent ones get columns, listed in `chosen`; 0 is the overflow.
std::vector<uint32_t> AttributeTable::ChooseSlots(std::span<const SpanBatch::AttrRange> rows,
                                                  std::vector<uint32_t>* chosen) const {
  std::vector<uint64_t> uses(keys_.values().size());
  for (const SpanBatch::AttrRange& row : rows) {
    for (uint32_t i = row.begin; i < row.end; ++i) ++uses[attrs_[i].key];
  }
  for (uint32_t key = 0; key < uses.size(); ++key) {
    if (uses[key] > 0) chosen->push_back(key);
  }
  if (chosen->size() > kMaxAttributeColumns) {
    std::ranges::sort(*chosen, [&](uint32_t a, uint32_t b) {
      return uses[a] != uses[b] ? uses[a] > uses[b] : a < b;
    });
    chosen->resize(kMaxAttributeColumns);
    std::ranges::sort(*chosen);
  }
  std::vector<uint32_t> slots(uses.size(), 0);
  for (uint32_t i = 0; i < chosen->size(); ++i) slots[(*chosen)[i]] = i + 1;
  return slots;
}

void AttributeTable::Encode(AttrScope scope, std::span<const SpanBatch::AttrRange> rows,
                            const Output& out) {
  if (rows.empty()) return;
  std::vector<uint32_t> chosen;
  const std::vector<uint32_t> slots = ChooseSlots(rows, &chosen);
  std::vector<ValueColumn> columns;
  columns.reserve(chosen.size());
  for (const uint32_t key : chosen) columns.emplace_back(TypeOf(key));

  ShapeTable shapes;
  std::vector<uint32_t> sequence;
  bool overflows = false;
  for (const SpanBatch::AttrRange& row : rows) {
    sequence.clear();
    for (uint32_t i = row.begin; i < row.end; ++i) {
      const uint32_t slot = slots[attrs_[i].key];
      sequence.push_back(slot);
      if (slot == 0) {
        overflows = true;
      } else {
        columns[slot - 1].Add(ValueOf(attrs_[i]));
      }
    }
    shapes.Add(sequence);
  }

  std::string bytes;
  PutShapes(std::move(shapes).Take(), static_cast<uint32_t>(chosen.size() + 1), out.packing,
            &bytes);
  out.columns->emplace_back(kShapesColumn + static_cast<uint32_t>(scope), std::move(bytes));
  for (uint32_t i = 0; i < chosen.size(); ++i) {
    const auto column =
        kFirstAttributeColumn + static_cast<uint32_t>(out.footer->attributes.size());
    out.footer->attributes.push_back(
        {scope, TypeOf(chosen[i]), std::string((*texts_)[NameOf(chosen[i])])});
    ValueSummary summary = columns[i].Summarize(column, texts_);
    if (!summary.listed && FilterCovers(TypeOf(chosen[i]))) {
      const ValueHasher hasher(scope, TypeOf(chosen[i]), (*texts_)[NameOf(chosen[i])]);
      columns[i].AppendHashes(hasher, texts_, out.hashes);
    }
    if (summary.listed || summary.ranged) out.footer->summaries.push_back(std::move(summary));
    out.columns->emplace_back(column, columns[i].Encode(texts_, out.packing));
  }
  if (overflows) {
    out.columns->emplace_back(kOverflowColumn + static_cast<uint32_t>(scope),
                              EncodeOverflow(scope, rows, slots, out));
  }
}

// The key in its scope, and that it has values of other types than each that the filter covers.
void AttributeTable::AppendKeyHashes(AttrScope scope, uint32_t key,
                                     std::vector<uint64_t>* out) const {
  const std::string_view name = (*texts_)[NameOf(key)];
  out->push_back(ValueHasher::Key(scope, name));
  for (const ValueType type : {ValueType::kString, ValueType::kInt}) {
    if (TypeOf(key) != type) out->push_back(ValueHasher(scope, type, name).OtherTypes());
  }
}

std::string AttributeTable::EncodeOverflow(AttrScope scope,
                                           std::span<const SpanBatch::AttrRange> rows,
                                           const std::vector<uint32_t>& slots, const Output& out) {
  Overflow overflow;
  Dictionary values;
  Dictionary entries;  // (key << 32 | value) of those that the filter covers.
  std::vector<uint32_t> code_of_key(slots.size(), kNoSlot);
  overflow.values.type = ValueType::kBytes;
  for (const SpanBatch::AttrRange& row : rows) {
    for (uint32_t i = row.begin; i < row.end; ++i) {
      const uint32_t key = attrs_[i].key;
      if (slots[key] != 0) continue;
      if (code_of_key[key] == kNoSlot) {
        code_of_key[key] = static_cast<uint32_t>(overflow.key_types.size());
        overflow.key_types.push_back(TypeOf(key));
        overflow.key_names.Append((*texts_)[NameOf(key)]);
        AppendKeyHashes(scope, key, out.hashes);
      }
      overflow.keys.push_back(code_of_key[key]);
      uint32_t text = attrs_[i].value;
      if (!ValueList::TypeIsText(TypeOf(key))) {
        text = texts_->Id(Overflow::FromNumber(ValueOf(attrs_[i])));
      }
      overflow.values.codes.push_back(values.Code(text));
      if (FilterCovers(TypeOf(key))) entries.Code(uint64_t{key} << 32 | text);
    }
  }
  for (const uint64_t entry : entries.values()) {
    const auto key = static_cast<uint32_t>(entry >> 32);
    const ValueHasher hasher(scope, TypeOf(key), (*texts_)[NameOf(key)]);
    out.hashes->push_back(hasher.Text((*texts_)[entry & UINT32_MAX]));
  }
  for (const uint64_t id : values.values()) overflow.values.texts.Append((*texts_)[id]);
  std::string bytes;
  PutOverflow(overflow, out.packing, &bytes);
  return bytes;
}

}  // namespace tocsin::storage
