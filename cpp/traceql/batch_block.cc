#include "cpp/traceql/batch_block.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tocsin::traceql {
namespace {

using ColumnResult = Result<std::shared_ptr<const Column>>;

// Gives equal interned values equal codes.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(const SpanBatch& batch) : batch_(batch) {}

  uint32_t CodeOfString(StringId id) { return CodeOf(ValueType::kString, id); }

  uint32_t CodeOf(ValueType type, uint32_t value) {
    const uint64_t identity = uint64_t{static_cast<uint8_t>(type)} << 32 | value;
    const auto [it, added] =
        code_of_.try_emplace(identity, static_cast<uint32_t>(column_->values.size() + 1));
    if (added) column_->values.push_back(Read(type, value));
    return it->second;
  }

  /// A value that is not interned in the batch.
  uint32_t Add(Value value) {
    column_->values.push_back(std::move(value));
    return static_cast<uint32_t>(column_->values.size());
  }

  void Push(uint32_t code) { column_->codes.push_back(code); }
  void Push(uint32_t code, uint32_t owner) {
    column_->codes.push_back(code);
    column_->owner.push_back(owner);
  }

  std::shared_ptr<const Column> Finish() && { return std::move(column_); }

 private:
  Value Read(ValueType type, uint32_t value) const {
    Value out;
    out.type = type;
    switch (type) {
      case ValueType::kString:
      case ValueType::kBytes:
      case ValueType::kComposite:
        out.text = batch_.strings[value];
        break;
      case ValueType::kBool:
        out.integer = value;
        break;
      case ValueType::kInt:
        out.integer = batch_.ints[value];
        break;
      case ValueType::kDouble:
        out.number = batch_.doubles[value];
        break;
      case ValueType::kEmpty:
        break;
    }
    return out;
  }

  const SpanBatch& batch_;
  std::shared_ptr<Column> column_ = std::make_shared<Column>();
  std::unordered_map<uint64_t, uint32_t> code_of_;
};

// Which entries of `keys` have that name: one for each type, so few.
std::vector<uint32_t> KeysNamed(const SpanBatch& batch, std::string_view name) {
  std::vector<uint32_t> keys;
  for (uint32_t i = 0; i < batch.keys.size(); ++i) {
    if (batch.strings[batch.keys[i].name] == name) keys.push_back(i);
  }
  return keys;
}

class AttributeReader {
 public:
  AttributeReader(const SpanBatch& batch, std::string_view name)
      : batch_(batch), keys_(KeysNamed(batch, name)), builder_(batch) {}

  bool Hopeless() const { return keys_.empty(); }
  bool found() const { return found_; }
  ColumnBuilder& builder() { return builder_; }

  // The code of the first attribute of that name, or 0.
  uint32_t CodeIn(SpanBatch::AttrRange range) {
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const SpanBatch::Attr& attr = batch_.attrs[i];
      if (std::find(keys_.begin(), keys_.end(), attr.key) == keys_.end()) continue;
      found_ = true;
      return builder_.CodeOf(batch_.keys[attr.key].type, attr.value);
    }
    return 0;
  }

  // The codes of a table's entries: resources or scopes.
  template <class Entry>
  std::vector<uint32_t> CodesOf(const std::vector<Entry>& entries) {
    std::vector<uint32_t> codes;
    codes.reserve(entries.size());
    for (const Entry& entry : entries) codes.push_back(CodeIn(entry.attrs));
    return codes;
  }

 private:
  const SpanBatch& batch_;
  std::vector<uint32_t> keys_;
  ColumnBuilder builder_;
  bool found_ = false;
};

// The keys that occur in some lists of attributes.
class KeyCollector {
 public:
  explicit KeyCollector(const SpanBatch& batch) : batch_(batch), seen_(batch.keys.size()) {}

  void Add(SpanBatch::AttrRange range) {
    for (uint32_t i = range.begin; i < range.end; ++i) seen_[batch_.attrs[i].key] = true;
  }

  void MoveTo(AttrScope scope, std::set<AttributeKey>* keys) const {
    for (size_t key = 0; key < seen_.size(); ++key) {
      if (seen_[key]) keys->insert({scope, std::string(batch_.strings[batch_.keys[key].name])});
    }
  }

 private:
  const SpanBatch& batch_;
  std::vector<bool> seen_;
};

// Calls visit(row, entry) for the events or links of every row.
template <class Entry, class Visit>
void ForEachOwned(const std::vector<uint32_t>& begin, const std::vector<Entry>& entries,
                  Visit visit) {
  for (uint32_t row = 0; row + 1 < begin.size(); ++row) {
    for (uint32_t i = begin[row]; i < begin[row + 1]; ++i) visit(row, entries[i]);
  }
}

ColumnResult StringColumn(const SpanBatch& batch, const std::vector<StringId>& ids) {
  ColumnBuilder builder(batch);
  for (const StringId id : ids) builder.Push(builder.CodeOfString(id));
  return std::move(builder).Finish();
}

// A string of each row's scope; an empty one too is a value.
ColumnResult ScopeColumn(const SpanBatch& batch, StringId SpanBatch::Scope::* member) {
  ColumnBuilder builder(batch);
  for (const uint32_t scope : batch.scope) {
    builder.Push(builder.CodeOfString(batch.scopes[scope].*member));
  }
  return std::move(builder).Finish();
}

}  // namespace

void AddAttributeKeys(const SpanBatch& batch, std::set<AttributeKey>* keys) {
  KeyCollector spans(batch);
  if (!batch.empty()) spans.Add({batch.attr_begin.front(), batch.attr_begin.back()});
  spans.MoveTo(AttrScope::kSpan, keys);
  const auto add_all = [&](AttrScope scope, const auto& entries) {
    KeyCollector collector(batch);
    for (const auto& entry : entries) collector.Add(entry.attrs);
    collector.MoveTo(scope, keys);
  };
  add_all(AttrScope::kResource, batch.resources);
  add_all(AttrScope::kInstrumentation, batch.scopes);
  add_all(AttrScope::kEvent, batch.events);
  add_all(AttrScope::kLink, batch.links);
}

BatchBlock::BatchBlock(std::shared_ptr<const SpanBatch> batch) : batch_(std::move(batch)) {
  if (batch_->empty()) return;
  min_start_ = *std::min_element(batch_->start.begin(), batch_->start.end());
  max_end_ = std::max(*std::max_element(batch_->start.begin(), batch_->start.end()),
                      *std::max_element(batch_->end.begin(), batch_->end.end()));
}

ColumnResult BatchBlock::Names() const { return StringColumn(*batch_, batch_->name); }

ColumnResult BatchBlock::StatusMessages() const {
  ColumnBuilder builder(*batch_);
  for (uint32_t row = 0; row < rows(); ++row) {
    builder.Push(builder.CodeOfString(batch_->ExtraOf(row).status_message));
  }
  return std::move(builder).Finish();
}

ColumnResult BatchBlock::EventNames() const {
  ColumnBuilder builder(*batch_);
  ForEachOwned(batch_->event_begin, batch_->events,
               [&](uint32_t row, const SpanBatch::Event& event) {
                 builder.Push(builder.CodeOfString(event.name), row);
               });
  return std::move(builder).Finish();
}

ColumnResult BatchBlock::EventTimes() const {
  ColumnBuilder builder(*batch_);
  ForEachOwned(batch_->event_begin, batch_->events,
               [&](uint32_t row, const SpanBatch::Event& event) {
                 Value value;
                 value.type = ValueType::kInt;
                 value.integer = static_cast<int64_t>(event.time);
                 builder.Push(builder.Add(std::move(value)), row);
               });
  return std::move(builder).Finish();
}

ColumnResult BatchBlock::LinkTraceIds() const {
  ColumnBuilder builder(*batch_);
  ForEachOwned(batch_->link_begin, batch_->links, [&](uint32_t row, const SpanBatch::Link& link) {
    builder.Push(builder.Add({ValueType::kBytes, link.trace_id.ToBytes(), 0, 0}), row);
  });
  return std::move(builder).Finish();
}

ColumnResult BatchBlock::LinkSpanIds() const {
  ColumnBuilder builder(*batch_);
  ForEachOwned(batch_->link_begin, batch_->links, [&](uint32_t row, const SpanBatch::Link& link) {
    builder.Push(builder.Add({ValueType::kBytes, SpanIdToBytes(link.span_id), 0, 0}), row);
  });
  return std::move(builder).Finish();
}

ColumnResult BatchBlock::ScopeNames() const {
  return ScopeColumn(*batch_, &SpanBatch::Scope::name);
}

ColumnResult BatchBlock::ScopeVersions() const {
  return ScopeColumn(*batch_, &SpanBatch::Scope::version);
}

Result<std::vector<AttributeKey>> BatchBlock::AttributeKeys() const {
  std::set<AttributeKey> keys;
  AddAttributeKeys(*batch_, &keys);
  return std::vector<AttributeKey>(keys.begin(), keys.end());
}

ColumnResult BatchBlock::Attribute(AttrScope scope, std::string_view key) const {
  AttributeReader reader(*batch_, key);
  if (reader.Hopeless()) return nullptr;
  ColumnBuilder& builder = reader.builder();
  const auto push_owned = [&](uint32_t row, const auto& entry) {
    builder.Push(reader.CodeIn(entry.attrs), row);
  };
  switch (scope) {
    case AttrScope::kSpan:
      for (uint32_t row = 0; row < rows(); ++row) {
        builder.Push(reader.CodeIn({batch_->attr_begin[row], batch_->attr_begin[row + 1]}));
      }
      break;
    case AttrScope::kResource: {
      const std::vector<uint32_t> codes = reader.CodesOf(batch_->resources);
      for (const uint32_t s : batch_->scope) builder.Push(codes[batch_->scopes[s].resource]);
      break;
    }
    case AttrScope::kInstrumentation: {
      const std::vector<uint32_t> codes = reader.CodesOf(batch_->scopes);
      for (const uint32_t s : batch_->scope) builder.Push(codes[s]);
      break;
    }
    case AttrScope::kEvent:
      ForEachOwned(batch_->event_begin, batch_->events, push_owned);
      break;
    case AttrScope::kLink:
      ForEachOwned(batch_->link_begin, batch_->links, push_owned);
      break;
  }
  if (!reader.found()) return nullptr;
  return std::move(builder).Finish();
}

}  // namespace tocsin::traceql
