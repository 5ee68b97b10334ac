#include "storage/spans/segment_columns.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include "cpp/base/coding.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/spans/value_filter.h"

namespace tocsin::storage {
namespace {

// Forms of a column in the cache. Value bodies are kept under kBody with the value's index in place
// of a column.
enum Form : uint8_t { kDecoded = 0, kBody = 1, kFooter = 2, kOfRow = 3, kParentRows = 4 };

template <class T>
size_t BytesOf(const T& value) {
  if constexpr (requires { value.MemoryBytes(); }) {
    return value.MemoryBytes();
  } else {
    return value.capacity() * sizeof(value[0]);
  }
}

size_t BytesOf(const traceql::Column& column) {
  size_t bytes = sizeof(column) + VectorBytes(column.values) + VectorBytes(column.codes) +
                 VectorBytes(column.owner);
  for (const traceql::Value& value : column.values) bytes += value.text.capacity();
  return bytes;
}

template <class T>
class Entry final : public Cached {
 public:
  explicit Entry(T value) : value_(std::move(value)) {}
  const T& value() const { return value_; }
  size_t MemoryBytes() const override { return BytesOf(value_); }

 private:
  T value_;
};

template <class T>
std::shared_ptr<const T> Unwrap(const std::shared_ptr<const Cached>& entry) {
  // What is kept under a column and a form is always of the same type.
  return {entry, &static_cast<const Entry<T>&>(*entry).value()};
}

// Offsets from counts; a failure of `in` if they do not add up to `total`.
std::vector<uint32_t> Offsets(const std::vector<uint64_t>& counts, uint64_t total, ByteReader* in) {
  std::vector<uint32_t> begin;
  begin.reserve(counts.size() + 1);
  begin.push_back(0);
  uint64_t sum = 0;
  for (const uint64_t count : counts) {
    if (count > total - sum) {
      in->Fail();
      return {};
    }
    sum += count;
    begin.push_back(static_cast<uint32_t>(sum));
  }
  if (sum != total) in->Fail();
  return begin;
}

// A list that must have `count` texts.
ValueList Texts(ByteReader* in, size_t count) {
  ValueList texts = ReadValues(in);
  if (texts.type != ValueType::kString || texts.codes.size() != count) in->Fail();
  return texts;
}

std::vector<uint64_t> Rows(ByteReader* in, size_t count, uint32_t rows) {
  std::vector<uint64_t> list = ReadIntegers(in, count);
  const auto not_above = [](uint64_t a, uint64_t b) { return a >= b; };
  if (std::adjacent_find(list.begin(), list.end(), not_above) != list.end() ||
      (!list.empty() && list.back() >= rows)) {
    in->Fail();
  }
  return list;
}

template <class Enum>
std::vector<Enum> Narrow(const std::vector<uint32_t>& codes) {
  std::vector<Enum> narrow(codes.size());
  for (size_t i = 0; i < codes.size(); ++i) narrow[i] = static_cast<Enum>(codes[i]);
  return narrow;
}

}  // namespace

size_t TraceTable::MemoryBytes() const {
  return VectorBytes(ids) + VectorBytes(first_row) + VectorBytes(through);
}
size_t ParentTable::MemoryBytes() const {
  return VectorBytes(row) + VectorBytes(foreign_rows) + VectorBytes(foreign_ids);
}
size_t ScopeTable::MemoryBytes() const {
  return VectorBytes(resource) + VectorBytes(dropped) + names.MemoryBytes() +
         versions.MemoryBytes() + schemas.MemoryBytes();
}
size_t ResourceTable::MemoryBytes() const { return VectorBytes(dropped) + schemas.MemoryBytes(); }
size_t EventTable::MemoryBytes() const {
  return VectorBytes(begin) + VectorBytes(times) + VectorBytes(dropped);
}
size_t LinkTable::MemoryBytes() const {
  return VectorBytes(begin) + VectorBytes(ids) + VectorBytes(flags) + VectorBytes(dropped) +
         states.MemoryBytes();
}
size_t SparseTexts::MemoryBytes() const { return VectorBytes(rows) + texts.MemoryBytes(); }
size_t DroppedTable::MemoryBytes() const {
  return VectorBytes(rows) + VectorBytes(attributes) + VectorBytes(events) + VectorBytes(links);
}

// ---- Values and columns -------------------------------------------------------------------------

Result<std::unique_ptr<SegmentColumns>> SegmentColumns::Open(std::unique_ptr<SegmentSource> source,
                                                             uint64_t number,
                                                             std::shared_ptr<ColumnCache> cache) {
  std::unique_ptr<SegmentColumns> columns(
      new SegmentColumns(std::move(source), number, std::move(cache)));
  SegmentColumns& self = *columns;
  auto footer = self.Load<SegmentFooter>(0, kFooter, [&]() -> Result<SegmentFooter> {
    TOCSIN_ASSIGN_OR_RETURN(const std::string frame, self.source_->Value(0));
    return SegmentFooter::FromFirstValue(frame, number);
  });
  if (!footer) return Failure(footer.error());
  self.footer_ = *std::move(footer);
  return columns;
}

std::shared_ptr<const Cached> SegmentColumns::FindHeld(uint64_t name) const {
  const std::lock_guard lock(mutex_);
  const auto it = held_.find(name);
  return it == held_.end() ? nullptr : it->second.Get();
}

template <class T, class Make>
SegmentColumns::Loaded<T> SegmentColumns::Load(uint32_t column, uint32_t form,
                                               const Make& make) const {
  const uint64_t name = uint64_t{column} << 32 | form;
  if (const auto held = FindHeld(name); held != nullptr) return Unwrap<T>(held);
  const ColumnCache::Key key{number_, column, form};
  const Shelf shelf = form == kFooter ? Shelf::kDirectories : Shelf::kColumns;
  std::shared_ptr<const Cached> entry = cache_->Get(key, shelf);
  if (entry == nullptr) {
    Result<T> made = make();
    if (!made) return Failure(InSegment(made.error()));
    entry = std::make_shared<const Entry<T>>(*std::move(made));
    cache_->Put(key, entry, shelf);
  }
  const std::lock_guard lock(mutex_);
  Held& held = held_[name];
  // Of two threads that loaded the same column the first one's is kept.
  if (const auto first = held.Get(); first != nullptr) return Unwrap<T>(first);
  const bool is_one_of_many = form == kDecoded && column >= kFirstAttributeColumn;
  if (is_one_of_many || form >= kFirstDerivedForm) {
    held.seen = entry;
  } else {
    held.kept = entry;
  }
  return Unwrap<T>(entry);
}

Status SegmentColumns::InSegment(const Status& status) const {
  const std::string segment = "segment " + std::to_string(number_);
  return status.message().starts_with(segment) ? status : status.WithContext(segment);
}

Failure SegmentColumns::InColumn(uint32_t column, const Status& status) const {
  std::string name = ColumnName(column);
  if (column >= kFirstAttributeColumn &&
      column - kFirstAttributeColumn < footer_->attributes.size()) {
    name += " (" + footer_->attributes[column - kFirstAttributeColumn].key + ")";
  }
  return Failure(status.WithContext(name));
}

Failure SegmentColumns::Damaged(uint32_t column, std::string_view how) const {
  return InColumn(column, CorruptionError(how));
}

Result<std::string> SegmentColumns::OpenValue(uint32_t index) const {
  Result<std::string> frame = source_->Value(index);
  if (!frame) {
    // A value that the footer names must be there.
    if (frame.error().code() != StatusCode::kNotFound) return frame;
    return CorruptionError("value " + std::to_string(index) + " is missing");
  }
  TOCSIN_ASSIGN_OR_RETURN(std::string body, OpenFrame(*frame));
  return body;
}

SegmentColumns::Loaded<std::string> SegmentColumns::SharedValue(uint32_t index) const {
  return Load<std::string>(index, kBody, [&]() -> Result<std::string> {
    Result<std::string> body = OpenValue(index);
    if (!body || index != 0) return body;
    TOCSIN_ASSIGN_OR_RETURN(const FirstValue parts, SplitFirstValue(*body));
    return std::string(parts.columns);
  });
}

Result<std::string> SegmentColumns::ColumnBytes(uint32_t id) const {
  const SegmentFooter::Column* column = footer_->Find(id);
  if (column == nullptr) return Damaged(id, "the column is missing");
  // A body that only this column needs is not kept: the decoded column is.
  const auto same_value = [&](const auto& other) { return other.value == column->value; };
  if (column->value != 0 && std::ranges::count_if(footer_->columns, same_value) == 1) {
    Result<std::string> body = OpenValue(column->value);
    if (!body) return InColumn(id, body.error());
    if (body->size() != column->size) return Damaged(id, "the value has another size");
    return body;
  }
  const auto body = SharedValue(column->value);
  if (!body) return InColumn(id, body.error());
  if (column->offset > (*body)->size() || column->size > (*body)->size() - column->offset) {
    return Damaged(id, "the column lies outside its value");
  }
  return (*body)->substr(column->offset, column->size);
}

template <class T, class Read>
SegmentColumns::Loaded<T> SegmentColumns::Decode(uint32_t column, const Read& read) const {
  return Load<T>(column, kDecoded, [&]() -> Result<T> {
    TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ColumnBytes(column));
    ByteReader in(bytes);
    T value = read(&in);
    if (const Status status = in.Finish("the column"); !status.ok()) {
      return Damaged(column, status.message());
    }
    return value;
  });
}

// ---- Columns of rows ----------------------------------------------------------------------------

SegmentColumns::Loaded<TraceTable> SegmentColumns::Traces() const {
  return Decode<TraceTable>(kTracesColumn, [this](ByteReader* in) {
    const size_t count = footer_->stub.traces;
    TraceTable table;
    const Numbers ids = ReadRandom(in, count * 2);
    const Numbers sizes = ReadIntegers(in, count);
    table.through = ReadIntegers(in, count);
    if (in->failed()) return table;
    table.ids.resize(count);
    for (size_t t = 0; t < count; ++t) table.ids[t] = {ids[2 * t], ids[2 * t + 1]};
    if (!std::is_sorted(table.ids.begin(), table.ids.end())) in->Fail();
    // Who reads starts counts on a first row of each.
    if (std::ranges::find(sizes, 0U) != sizes.end()) in->Fail();
    table.first_row = Offsets(sizes, rows(), in);
    return table;
  });
}

SegmentColumns::Loaded<SegmentColumns::Codes> SegmentColumns::TraceOfRow() const {
  return Load<Codes>(kTracesColumn, kOfRow, [this]() -> Result<Codes> {
    TOCSIN_ASSIGN_OR_RETURN(const auto traces, Traces());
    Codes trace_of_row(rows());
    for (uint32_t t = 0; t < traces->ids.size(); ++t) {
      std::fill(trace_of_row.begin() + traces->first_row[t],
                trace_of_row.begin() + traces->first_row[t + 1], t);
    }
    return trace_of_row;
  });
}

SegmentColumns::Loaded<SegmentColumns::Numbers> SegmentColumns::SpanIds() const {
  return Decode<Numbers>(kSpanIdsColumn, [this](ByteReader* in) { return ReadRandom(in, rows()); });
}

SegmentColumns::Loaded<ParentTable> SegmentColumns::ParentReferences() const {
  return Decode<ParentTable>(kParentsColumn, [this](ByteReader* in) {
    const auto distinct = static_cast<uint32_t>(in->Count(uint64_t{kMaxSegmentRows} * 4));
    const Codes references = ReadCodes(in, rows(), distinct);
    ParentTable table;
    table.foreign_ids = ReadRandom(in, in->Count(rows()));
    if (in->failed()) return table;
    table.row.assign(rows(), traceql::SpanBlock::kNoRow);
    for (uint32_t row = 0; row < rows(); ++row) {
      if (references[row] == 0) continue;
      if (references[row] == 1) {
        table.foreign_rows.push_back(row);
        continue;
      }
      const int64_t parent = int64_t{row} - UnZigZag(references[row] - 2);
      if (parent < 0 || parent >= int64_t{rows()}) {
        in->Fail();
        return table;
      }
      table.row[row] = static_cast<uint32_t>(parent);
    }
    if (table.foreign_rows.size() != table.foreign_ids.size()) in->Fail();
    return table;
  });
}

SegmentColumns::Loaded<SegmentColumns::Numbers> SegmentColumns::Parents() const {
  return Load<Numbers>(kParentsColumn, kOfRow, [this]() -> Result<Numbers> {
    TOCSIN_ASSIGN_OR_RETURN(const auto span_ids, SpanIds());
    TOCSIN_ASSIGN_OR_RETURN(const auto table, ParentReferences());
    Numbers parents(rows());
    for (size_t row = 0; row < rows(); ++row) {
      const uint32_t parent = table->row[row];
      if (parent != traceql::SpanBlock::kNoRow) parents[row] = (*span_ids)[parent];
    }
    for (size_t i = 0; i < table->foreign_rows.size(); ++i) {
      parents[table->foreign_rows[i]] = table->foreign_ids[i];
    }
    return parents;
  });
}

SegmentColumns::Loaded<SegmentColumns::Codes> SegmentColumns::ParentRows() const {
  return Load<Codes>(kParentsColumn, kParentRows, [this]() -> Result<Codes> {
    TOCSIN_ASSIGN_OR_RETURN(const auto span_ids, SpanIds());
    TOCSIN_ASSIGN_OR_RETURN(const auto table, ParentReferences());
    Codes parents = table->row;
    // A span that names itself has no parent, also where another row has its id.
    for (size_t row = 0; row < parents.size(); ++row) {
      uint32_t& parent = parents[row];
      if (parent == traceql::SpanBlock::kNoRow) continue;
      if ((*span_ids)[parent] == (*span_ids)[row]) parent = traceql::SpanBlock::kNoRow;
    }
    return parents;
  });
}

SegmentColumns::Loaded<SegmentColumns::Numbers> SegmentColumns::Starts() const {
  TOCSIN_ASSIGN_OR_RETURN(const auto traces, Traces());
  return Decode<Numbers>(kStartsColumn, [&](ByteReader* in) {
    const size_t count = traces->ids.size();
    const Numbers firsts = ReadIntegers(in, count);
    // The distances stand where the rows will: behind the first of each trace.
    const Numbers distances = ReadIntegers(in, rows() - count);
    if (in->failed()) return Numbers();
    Numbers starts(rows());
    size_t next = 0;
    for (size_t t = 0; t < count; ++t) {
      for (uint32_t row = traces->first_row[t]; row < traces->first_row[t + 1]; ++row) {
        const bool first = row == traces->first_row[t];
        starts[row] = first ? firsts[t] : starts[row - 1] + distances[next++];
      }
    }
    return starts;
  });
}

SegmentColumns::Loaded<SegmentColumns::Numbers> SegmentColumns::Ends() const {
  TOCSIN_ASSIGN_OR_RETURN(const auto starts, Starts());
  return Decode<Numbers>(kDurationsColumn, [&](ByteReader* in) {
    Numbers ends = ReadIntegers(in, rows());
    if (in->failed()) return Numbers();
    for (size_t row = 0; row < ends.size(); ++row) ends[row] += (*starts)[row];
    return ends;
  });
}

SegmentColumns::Loaded<ValueList> SegmentColumns::Names() const {
  return Decode<ValueList>(kNamesColumn, [this](ByteReader* in) { return Texts(in, rows()); });
}

SegmentColumns::Loaded<std::vector<SpanKind>> SegmentColumns::Kinds() const {
  return Decode<std::vector<SpanKind>>(kKindsColumn, [this](ByteReader* in) {
    return Narrow<SpanKind>(ReadCodes(in, rows(), 256));
  });
}

SegmentColumns::Loaded<std::vector<SpanStatus>> SegmentColumns::Statuses() const {
  return Decode<std::vector<SpanStatus>>(kStatusesColumn, [this](ByteReader* in) {
    return Narrow<SpanStatus>(ReadCodes(in, rows(), 256));
  });
}

SegmentColumns::Loaded<SegmentColumns::Numbers> SegmentColumns::Flags() const {
  return Decode<Numbers>(kFlagsColumn, [this](ByteReader* in) { return ReadIntegers(in, rows()); });
}

SegmentColumns::Loaded<SegmentColumns::Codes> SegmentColumns::ScopeOfRow() const {
  TOCSIN_ASSIGN_OR_RETURN(const auto scopes, Scopes());
  return Decode<Codes>(kScopeOfRowColumn, [&](ByteReader* in) {
    return ReadCodes(in, rows(), static_cast<uint32_t>(scopes->resource.size()));
  });
}

SegmentColumns::Loaded<SegmentColumns::Numbers> SegmentColumns::WireSizes() const {
  return Decode<Numbers>(kWireSizesColumn,
                         [this](ByteReader* in) { return ReadIntegers(in, rows()); });
}

SegmentColumns::Loaded<SparseTexts> SegmentColumns::Sparse(uint32_t column) const {
  if (footer_->Find(column) == nullptr) return std::make_shared<const SparseTexts>();
  return Decode<SparseTexts>(column, [this](ByteReader* in) {
    SparseTexts sparse;
    const size_t count = in->Count(rows());
    sparse.rows = Rows(in, count, rows());
    sparse.texts = Texts(in, count);
    return sparse;
  });
}

SegmentColumns::Loaded<DroppedTable> SegmentColumns::Dropped() const {
  if (footer_->Find(kDroppedColumn) == nullptr) return std::make_shared<const DroppedTable>();
  return Decode<DroppedTable>(kDroppedColumn, [this](ByteReader* in) {
    DroppedTable table;
    const size_t count = in->Count(rows());
    table.rows = Rows(in, count, rows());
    table.attributes = ReadIntegers(in, count);
    table.events = ReadIntegers(in, count);
    table.links = ReadIntegers(in, count);
    return table;
  });
}

// ---- Columns of other rows ----------------------------------------------------------------------

SegmentColumns::Loaded<ScopeTable> SegmentColumns::Scopes() const {
  TOCSIN_ASSIGN_OR_RETURN(const auto resources, Resources());
  return Decode<ScopeTable>(kScopesColumn, [&](ByteReader* in) {
    ScopeTable table;
    const size_t count = in->Count(rows());
    table.resource = ReadCodes(in, count, static_cast<uint32_t>(resources->dropped.size()));
    table.dropped = ReadIntegers(in, count);
    table.names = Texts(in, count);
    table.versions = Texts(in, count);
    table.schemas = Texts(in, count);
    return table;
  });
}

SegmentColumns::Loaded<ResourceTable> SegmentColumns::Resources() const {
  return Decode<ResourceTable>(kResourcesColumn, [this](ByteReader* in) {
    ResourceTable table;
    const size_t count = in->Count(rows());
    table.dropped = ReadIntegers(in, count);
    table.schemas = Texts(in, count);
    return table;
  });
}

SegmentColumns::Loaded<EventTable> SegmentColumns::Events() const {
  if (footer_->Find(kEventsColumn) == nullptr) {
    return std::make_shared<const EventTable>(
        EventTable{.begin = std::vector<uint32_t>(rows() + 1), .times = {}, .dropped = {}});
  }
  return Decode<EventTable>(kEventsColumn, [this](ByteReader* in) {
    EventTable table;
    const Numbers counts = ReadIntegers(in, rows());
    const size_t total = in->Count(kMaxEntries);
    table.times = ReadIntegers(in, total);
    table.dropped = ReadIntegers(in, total);
    table.begin = Offsets(counts, total, in);
    return table;
  });
}

SegmentColumns::Loaded<ValueList> SegmentColumns::EventNames() const {
  TOCSIN_ASSIGN_OR_RETURN(const auto events, Events());
  if (events->times.empty()) return std::make_shared<const ValueList>();
  return Decode<ValueList>(kEventNamesColumn,
                           [&](ByteReader* in) { return Texts(in, events->times.size()); });
}

SegmentColumns::Loaded<LinkTable> SegmentColumns::Links() const {
  if (footer_->Find(kLinksColumn) == nullptr) {
    auto none = std::make_shared<LinkTable>();
    none->begin.resize(rows() + 1);
    return none;
  }
  return Decode<LinkTable>(kLinksColumn, [this](ByteReader* in) {
    LinkTable table;
    const Numbers counts = ReadIntegers(in, rows());
    const size_t total = in->Count(kMaxEntries);
    table.begin = Offsets(counts, total, in);
    table.ids = ReadRandom(in, total * 3);
    table.flags = ReadIntegers(in, total);
    table.dropped = ReadIntegers(in, total);
    table.states = Texts(in, total);
    return table;
  });
}

// ---- Attributes ---------------------------------------------------------------------------------

uint32_t SegmentColumns::SlotsOf(AttrScope scope) const {
  const SegmentFooter::Range range = footer_->AttributesOf(scope);
  return range.end - range.begin + 1;
}

Result<size_t> SegmentColumns::RowsOf(AttrScope scope) const {
  switch (scope) {
    case AttrScope::kSpan:
      return rows();
    case AttrScope::kResource: {
      TOCSIN_ASSIGN_OR_RETURN(const auto resources, Resources());
      return resources->dropped.size();
    }
    case AttrScope::kEvent: {
      TOCSIN_ASSIGN_OR_RETURN(const auto events, Events());
      return events->times.size();
    }
    case AttrScope::kLink: {
      TOCSIN_ASSIGN_OR_RETURN(const auto links, Links());
      return links->flags.size();
    }
    case AttrScope::kInstrumentation: {
      TOCSIN_ASSIGN_OR_RETURN(const auto scopes, Scopes());
      return scopes->resource.size();
    }
  }
  return InternalError("no such attribute scope");
}

SegmentColumns::Loaded<Shapes> SegmentColumns::ShapesOf(AttrScope scope) const {
  TOCSIN_ASSIGN_OR_RETURN(const size_t scope_rows, RowsOf(scope));
  if (scope_rows == 0) return std::make_shared<const Shapes>();
  const uint32_t column = kShapesColumn + static_cast<uint32_t>(scope);
  return Decode<Shapes>(column, [&](ByteReader* in) {
    Shapes shapes = ReadShapes(in, SlotsOf(scope));
    if (shapes.codes.size() != scope_rows) in->Fail();
    return shapes;
  });
}

SegmentColumns::Loaded<ValueList> SegmentColumns::Attribute(uint32_t index) const {
  const AttrScope scope = footer_->attributes[index].scope;
  const uint32_t slot = index - footer_->AttributesOf(scope).begin + 1;
  TOCSIN_ASSIGN_OR_RETURN(const auto shapes, ShapesOf(scope));
  return Decode<ValueList>(kFirstAttributeColumn + index, [&](ByteReader* in) {
    ValueList values = ReadValues(in);
    // Each use of the slot in a row has its value: readers need not check again.
    std::vector<uint32_t> uses(shapes->size());
    for (uint32_t s = 0; s < uses.size(); ++s) {
      uses[s] = static_cast<uint32_t>(std::ranges::count((*shapes)[s], slot));
    }
    uint64_t total = 0;
    for (const uint32_t shape : shapes->codes) total += uses[shape];
    if (values.type != footer_->attributes[index].type || values.codes.size() != total) in->Fail();
    return values;
  });
}

bool SegmentColumns::HasOverflow(AttrScope scope) const {
  return footer_->Find(kOverflowColumn + static_cast<uint32_t>(scope)) != nullptr;
}

SegmentColumns::Loaded<Overflow> SegmentColumns::OverflowOf(AttrScope scope) const {
  TOCSIN_ASSIGN_OR_RETURN(const auto shapes, ShapesOf(scope));
  const uint32_t column = kOverflowColumn + static_cast<uint32_t>(scope);
  return Decode<Overflow>(column, [&](ByteReader* in) {
    Overflow overflow = ReadOverflow(in);
    std::vector<uint32_t> uses(shapes->size());
    for (uint32_t s = 0; s < uses.size(); ++s) {
      uses[s] = static_cast<uint32_t>(std::ranges::count((*shapes)[s], 0U));
    }
    uint64_t total = 0;
    for (const uint32_t shape : shapes->codes) total += uses[shape];
    if (overflow.keys.size() != total) in->Fail();
    return overflow;
  });
}

Result<bool> SegmentColumns::FilterMayContain(uint64_t hash) const {
  const uint32_t page = FilterPageOf(hash, footer_->filter_pages);
  {
    const std::lock_guard lock(mutex_);
    if (page == filter_page_) return FilterPageMayContain(filter_bytes_, hash);
  }
  // Not kept in the cache: of thousands of segments each is asked for one page.
  Result<std::string> bytes = OpenValue(footer_->filter_begin + page);
  if (!bytes) return Failure(InSegment(bytes.error().WithContext("value filter")));
  const std::lock_guard lock(mutex_);
  filter_page_ = page;
  filter_bytes_ = *std::move(bytes);
  return FilterPageMayContain(filter_bytes_, hash);
}

SegmentColumns::Loaded<traceql::Column> SegmentColumns::Derived(uint32_t column, uint32_t form,
                                                                const MakeColumn& make) const {
  return Load<traceql::Column>(column, form, make);
}

}  // namespace tocsin::storage
