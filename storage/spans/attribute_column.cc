#include "storage/spans/attribute_column.h"

#include <bit>
#include <string>

namespace tocsin::storage {

using traceql::Column;
using traceql::Value;

namespace {

Value MakeValue(const ValueList& list, uint32_t code) {
  Value value;
  value.type = list.type;
  if (list.IsText()) {
    value.text = std::string(list.texts[code]);
  } else if (list.type == ValueType::kDouble) {
    value.number = std::bit_cast<double>(list.numbers[code]);
  } else {
    value.integer = static_cast<int64_t>(list.numbers[code]);
  }
  return value;
}

void AppendValues(const ValueList& list, std::vector<Value>* to) {
  for (uint32_t code = 0; code < list.distinct(); ++code) to->push_back(MakeValue(list, code));
}

}  // namespace

Column ToColumn(const ValueList& list) {
  Column column;
  AppendValues(list, &column.values);
  column.codes = list.codes;
  for (uint32_t& code : column.codes) ++code;
  return column;
}

Status AttributeMerger::Find() {
  const SegmentFooter& footer = columns_.footer();
  range_ = footer.AttributesOf(scope_);
  for (uint32_t i = range_.begin; i < range_.end; ++i) {
    if (footer.attributes[i].key == key_) attributes_.push_back(i);
  }
  if (!columns_.HasOverflow(scope_)) return {};
  TOCSIN_ASSIGN_OR_RETURN(overflow_, columns_.OverflowOf(scope_));
  for (uint32_t k = 0; k < overflow_->key_types.size(); ++k) {
    if (overflow_->key_names[k] == key_) overflow_keys_.push_back(k);
  }
  return {};
}

std::pair<uint32_t, uint32_t> AttributeMerger::Name() const {
  if (!attributes_.empty()) {
    return {kFirstAttributeColumn + attributes_[0], SegmentColumns::kFirstDerivedForm};
  }
  return {kOverflowColumn + static_cast<uint32_t>(scope_),
          SegmentColumns::kFirstDerivedForm + overflow_keys_[0]};
}

Result<Column> AttributeMerger::Merge() {
  TOCSIN_ASSIGN_OR_RETURN(shapes_, columns_.ShapesOf(scope_));
  Column column;
  for (const uint32_t index : attributes_) {
    TOCSIN_ASSIGN_OR_RETURN(auto values, columns_.Attribute(index));
    Source source{index - range_.begin + 1, static_cast<uint32_t>(column.values.size()) + 1,
                  std::move(values)};
    AppendValues(*source.values, &column.values);
    sources_.push_back(std::move(source));
  }
  if (overflow_keys_.empty()) {
    FillFromColumns(&column);
  } else {
    FillWithOverflow(&column);
  }
  return column;
}

// Of a shape everything is known before its rows are seen: which source comes first, and how many
// values each source has in it.
void AttributeMerger::FillFromColumns(Column* column) {
  constexpr uint32_t kNone = UINT32_MAX;
  const size_t n = sources_.size();
  std::vector<uint32_t> first(shapes_->size(), kNone);
  std::vector<uint32_t> uses(shapes_->size() * n);
  for (uint32_t s = 0; s < shapes_->size(); ++s) {
    for (const uint32_t slot : (*shapes_)[s]) {
      for (uint32_t c = 0; c < n; ++c) {
        if (sources_[c].slot != slot) continue;
        ++uses[s * n + c];
        if (first[s] == kNone) first[s] = c;
      }
    }
  }
  column->codes.resize(shapes_->codes.size());
  for (size_t row = 0; row < shapes_->codes.size(); ++row) {
    const uint32_t shape = shapes_->codes[row];
    if (first[shape] == kNone) continue;
    const Source& source = sources_[first[shape]];
    column->codes[row] = source.base + source.values->codes[source.next];
    for (uint32_t c = 0; c < n; ++c) sources_[c].next += uses[shape * n + c];
  }
}

// With keys in the overflow every list is walked.
void AttributeMerger::FillWithOverflow(Column* column) {
  std::vector<bool> wanted(overflow_->key_types.size());
  for (const uint32_t key : overflow_keys_) wanted[key] = true;
  std::vector<uint32_t> source_of_slot(range_.end - range_.begin + 1, UINT32_MAX);
  for (uint32_t c = 0; c < sources_.size(); ++c) source_of_slot[sources_[c].slot] = c;
  column->codes.resize(shapes_->codes.size());
  size_t entry = 0;
  for (size_t row = 0; row < shapes_->codes.size(); ++row) {
    uint32_t& code = column->codes[row];
    for (const uint32_t slot : (*shapes_)[shapes_->codes[row]]) {
      if (slot == 0) {
        if (code == 0 && wanted[overflow_->keys[entry]]) code = OverflowCode(entry, column);
        ++entry;
      } else if (const uint32_t c = source_of_slot[slot]; c != UINT32_MAX) {
        Source& source = sources_[c];
        const uint32_t value = source.values->codes[source.next++];
        if (code == 0) code = source.base + value;
      }
    }
  }
}

uint32_t AttributeMerger::OverflowCode(size_t entry, Column* column) {
  const uint32_t key = overflow_->keys[entry];
  const uint32_t value = overflow_->values.codes[entry];
  const auto [it, added] = overflow_codes_.try_emplace(
      uint64_t{key} << 32 | value, static_cast<uint32_t>(column->values.size()) + 1);
  if (added) column->values.push_back(OverflowValue(key, value));
  return it->second;
}

Value AttributeMerger::OverflowValue(uint32_t key, uint32_t code) const {
  ValueList one;
  one.type = overflow_->key_types[key];
  const std::string_view bytes = overflow_->values.texts[code];
  if (one.IsText()) {
    one.texts.Append(bytes);
  } else {
    one.numbers.push_back(Overflow::Number(bytes));
  }
  return MakeValue(one, 0);
}

}  // namespace tocsin::storage
