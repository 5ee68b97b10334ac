/// The attributes of a segment while it is built: rows refer to them by numbers of the segment, and
/// at the end each scope becomes its shapes, its columns and its overflow. Private to
/// storage/spans.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/model/span_batch.h"
#include "cpp/model/span_batch_builder.h"
#include "storage/columnar/section.h"
#include "storage/spans/segment_format.h"
#include "storage/spans/value_filter.h"

namespace tocsin::storage {

/// Numbers distinct 64-bit values in the order in which they come.
class Dictionary {
 public:
  uint32_t Code(uint64_t value) {
    if (value == last_value_ && !values_.empty()) return last_code_;
    last_value_ = value;
    return last_code_ = Find(value);
  }
  const std::vector<uint64_t>& values() const { return values_; }

 private:
  uint32_t Find(uint64_t value);
  void Grow();

  std::vector<uint64_t> values_;
  std::vector<uint32_t> slots_;  // Code + 1; 0 is free. A power of two, at most half full.
  uint64_t last_value_ = 0;
  uint32_t last_code_ = 0;
};

/// The texts of a segment, each once.
class TextPool {
 public:
  uint32_t Id(std::string_view text) { return texts_.Intern(text); }
  std::string_view operator[](uint64_t id) {
    return texts_.batch().strings[static_cast<StringId>(id)];
  }

 private:
  SpanBatchBuilder texts_;
};

/// One column of values as it grows. Values are ids of the pool, or the bits of numbers.
class ValueColumn {
 public:
  explicit ValueColumn(ValueType type) : type_(type) {}
  void Add(uint64_t value) { codes_.push_back(values_.Code(value)); }
  bool empty() const { return codes_.empty(); }
  /// What a footer says of the column; neither listed nor ranged if that is nothing.
  ValueSummary Summarize(uint32_t column, TextPool* texts) const;
  /// Appends what the value filter knows the values by. REQUIRES: FilterCovers the type.
  void AppendHashes(const ValueHasher& hasher, TextPool* texts, std::vector<uint64_t>* out) const;
  /// Leaves the column empty.
  std::string Encode(TextPool* texts, Packing packing);

 private:
  ValueType type_;
  Dictionary values_;
  std::vector<uint32_t> codes_;
};

/// The attribute lists of all scopes.
class AttributeTable {
 public:
  struct Attr {
    uint32_t key = 0;
    uint32_t value = 0;  ///< Text: id of the pool. Other types: index into the numbers.
  };

  explicit AttributeTable(TextPool* texts) : texts_(texts) {}

  /// The number of (name, type) in the segment.
  uint32_t Key(uint32_t name, ValueType type) {
    return keys_.Code(uint64_t{name} << 8 | static_cast<uint64_t>(type));
  }
  void Add(uint32_t key, uint32_t text) { attrs_.push_back({key, text}); }
  void AddNumber(uint32_t key, uint64_t bits) {
    attrs_.push_back({key, static_cast<uint32_t>(numbers_.size())});
    numbers_.push_back(bits);
  }
  uint32_t size() const { return static_cast<uint32_t>(attrs_.size()); }
  /// Takes back what was added after size() was `size`.
  void Truncate(uint32_t size) { attrs_.resize(size); }
  /// Bytes that are equal for equal lists.
  void AppendIdentity(SpanBatch::AttrRange range, std::string* out) const;

  /// The first attribute of that name in the list, as ValueColumn takes values; nothing if there is
  /// none.
  std::optional<std::pair<ValueType, uint64_t>> First(SpanBatch::AttrRange range,
                                                      uint32_t name) const;

  /// One row of the scope for each range; adds the scope's attributes to the footer and its columns
  /// to `columns`.
  using Columns = std::vector<std::pair<uint32_t, std::string>>;
  struct Output {
    SegmentFooter* footer;
    Columns* columns;
    std::vector<uint64_t>* hashes;  ///< For the value filter.
    Packing packing;
  };
  void Encode(AttrScope scope, std::span<const SpanBatch::AttrRange> rows, const Output& out);

 private:
  ValueType TypeOf(uint32_t key) const {
    return static_cast<ValueType>(keys_.values()[key] & 0xff);
  }
  uint32_t NameOf(uint32_t key) const { return static_cast<uint32_t>(keys_.values()[key] >> 8); }
  uint64_t ValueOf(const Attr& attr) const {
    return ValueList::TypeIsText(TypeOf(attr.key)) ? attr.value : numbers_[attr.value];
  }
  std::vector<uint32_t> ChooseSlots(std::span<const SpanBatch::AttrRange> rows,
                                    std::vector<uint32_t>* chosen) const;
  std::string EncodeOverflow(AttrScope scope, std::span<const SpanBatch::AttrRange> rows,
                             const std::vector<uint32_t>& slots, const Output& out);
  void AppendKeyHashes(AttrScope scope, uint32_t key, std::vector<uint64_t>* out) const;

  TextPool* texts_;
  Dictionary keys_;  // (name << 8 | type).
  std::vector<Attr> attrs_;
  std::vector<uint64_t> numbers_;
};

}  // namespace tocsin::storage
