#include "storage/spans/segment_format.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/hash.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {
namespace {

constexpr std::string_view kMagic = "TSEG";
constexpr uint64_t kFormatVersion = 1;
// Tags of the footer's optional fields. A reader skips those that it does not know.
constexpr uint64_t kBloomField = 1;
constexpr uint64_t kUniqueField = 2;
constexpr uint64_t kSummariesField = 3;
constexpr uint64_t kFilterField = 4;
constexpr uint64_t kCountsField = 5;
constexpr uint64_t kOrderField = 16;

constexpr std::array<std::string_view, 20> kColumnNames = {
    "footer",       "traces",    "span_id",        "parent",      "start",
    "duration",     "name",      "kind",           "status",      "flags",
    "scope_of_row", "wire_size", "status_message", "trace_state", "dropped",
    "scopes",       "resources", "events",         "event_names", "links"};
constexpr std::array<std::string_view, kAttrScopes> kScopeNames = {"span", "resource", "event",
                                                                   "link", "instrumentation"};

bool KnownType(uint8_t type) { return type <= static_cast<uint8_t>(ValueType::kEmpty); }

constexpr uint8_t kListed = 1;
constexpr uint8_t kRanged = 2;

std::string EncodeSummaries(const std::vector<ValueSummary>& summaries) {
  std::string out;
  for (const ValueSummary& summary : summaries) {
    PutVarint64(&out, summary.column);
    out.push_back(
        static_cast<char>((summary.listed ? kListed : 0) | (summary.ranged ? kRanged : 0)));
    if (summary.listed) {
      PutVarint64(&out, summary.values.size());
      for (const uint32_t hash : summary.values) PutFixed32(&out, hash);
    }
    if (summary.ranged) {
      PutVarint64(&out, ZigZag(summary.min));
      PutVarint64(&out, ZigZag(summary.max));
    }
  }
  return out;
}

std::vector<ValueSummary> ReadSummaries(ByteReader* in) {
  std::vector<ValueSummary> summaries;
  while (in->remaining() > 0) {
    ValueSummary& summary = summaries.emplace_back();
    summary.column = static_cast<uint32_t>(in->Count(UINT32_MAX));
    const uint8_t flags = in->Byte();
    summary.listed = (flags & kListed) != 0;
    summary.ranged = (flags & kRanged) != 0;
    if (summary.listed) {
      summary.values.resize(in->Count(in->remaining() / sizeof(uint32_t)));
      for (uint32_t& hash : summary.values) hash = in->Fixed32();
    }
    if (summary.ranged) {
      summary.min = UnZigZag(in->Varint());
      summary.max = UnZigZag(in->Varint());
    }
  }
  const auto no_later = [](const ValueSummary& a, const ValueSummary& b) {
    return a.column >= b.column;
  };
  if (std::ranges::adjacent_find(summaries, no_later) != summaries.end()) in->Fail();
  return summaries;
}

}  // namespace

uint32_t ValueSummary::HashOf(std::string_view text) {
  return static_cast<uint32_t>(Hash64(text) >> 32);
}

uint32_t ValueSummary::HashOf(uint64_t number) { return HashOf(Overflow::FromNumber(number)); }

std::string ColumnName(uint32_t column) {
  if (column < kColumnNames.size()) return std::string(kColumnNames[column]);
  if (column >= kFirstAttributeColumn) {
    return "attribute " + std::to_string(column - kFirstAttributeColumn);
  }
  const uint32_t first = column >= kOverflowColumn ? kOverflowColumn : kShapesColumn;
  const std::string kind = column >= kOverflowColumn ? " overflow" : " shapes";
  return std::string(kScopeNames[(column - first) % kAttrScopes]) + kind;
}

uint64_t BloomHash(const TraceId& id) {
  uint64_t x = id.high ^ (id.low * 0x9e3779b97f4a7c15U);
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93U;
  return x ^ (x >> 32);
}

// ---- Footer -------------------------------------------------------------------------------------

std::string SegmentFooter::Encode() const {
  std::string out(kMagic);
  PutVarint64(&out, kFormatVersion);
  for (const uint64_t number :
       {uint64_t{stub.rows}, uint64_t{stub.traces}, stub.min_start, stub.max_end - stub.min_start,
        stub.stored_bytes, stub.wire_bytes, stub.log_first, stub.log_last}) {
    PutVarint64(&out, number);
  }
  PutSizedBytes(&out, tenant);
  PutVarint64(&out, attributes.size());
  for (const Attribute& attribute : attributes) {
    out.push_back(static_cast<char>(attribute.scope));
    out.push_back(static_cast<char>(attribute.type));
    PutSizedBytes(&out, attribute.key);
  }
  PutVarint64(&out, columns.size());
  for (const Column& column : columns) {
    PutVarint64(&out, column.id);
    PutVarint64(&out, column.value);
    PutVarint64(&out, column.offset);
    PutVarint64(&out, column.size);
  }
  PutVarint64(&out, kBloomField);
  PutSizedBytes(&out, bloom);
  if (unique) {
    PutVarint64(&out, kUniqueField);
    PutSizedBytes(&out, "");
  }
  if (!summaries.empty()) {
    PutVarint64(&out, kSummariesField);
    PutSizedBytes(&out, EncodeSummaries(summaries));
  }
  const auto put_pair = [&out](uint64_t tag, uint64_t first, uint64_t second) {
    std::string pair;
    PutVarint64(&pair, first);
    PutVarint64(&pair, second);
    PutVarint64(&out, tag);
    PutSizedBytes(&out, pair);
  };
  if (filter_pages > 0) put_pair(kFilterField, filter_begin, filter_pages);
  if (stub.counts_value > 0) put_pair(kCountsField, stub.counts_value, stub.durations_value);
  if (stub.order != 0) {
    std::string order;
    PutVarint64(&order, stub.order);
    PutVarint64(&out, kOrderField);
    PutSizedBytes(&out, order);
  }
  return out;
}

Result<SegmentFooter> SegmentFooter::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Bytes(kMagic.size()) != kMagic) return CorruptionError("footer: not a segment");
  if (in.Varint() > kFormatVersion && !in.failed()) {
    return FailedPreconditionError("footer: written by a later version of Tocsin");
  }
  SegmentFooter footer;
  SegmentStub& stub = footer.stub;
  stub.rows = static_cast<uint32_t>(in.Count(kMaxSegmentRows));
  stub.traces = static_cast<uint32_t>(in.Count(stub.rows));
  stub.min_start = in.Varint();
  stub.max_end = stub.min_start + in.Varint();
  stub.stored_bytes = in.Varint();
  stub.wire_bytes = in.Varint();
  stub.log_first = in.Varint();
  stub.log_last = in.Varint();
  footer.tenant = std::string(in.SizedBytes());
  if (stub.rows == 0 || stub.traces == 0 || stub.max_end < stub.min_start) in.Fail();

  footer.attributes.resize(in.Count(uint64_t{kMaxAttributeColumns} * kAttrScopes));
  uint8_t last_scope = 0;
  for (Attribute& attribute : footer.attributes) {
    const uint8_t scope = in.Byte();
    const uint8_t type = in.Byte();
    if (scope >= kAttrScopes || scope < last_scope || !KnownType(type)) in.Fail();
    last_scope = scope;
    attribute = {static_cast<AttrScope>(scope), static_cast<ValueType>(type),
                 std::string(in.SizedBytes())};
  }
  footer.columns.resize(in.Count(in.remaining()));
  for (Column& column : footer.columns) {
    column.id = static_cast<uint32_t>(in.Count(UINT32_MAX));
    column.value = static_cast<uint32_t>(in.Count(UINT32_MAX));
    column.offset = in.Varint();
    column.size = in.Varint();
  }
  const auto no_later = [](const Column& a, const Column& b) { return a.id >= b.id; };
  if (std::adjacent_find(footer.columns.begin(), footer.columns.end(), no_later) !=
      footer.columns.end()) {
    in.Fail();
  }
  while (in.remaining() > 0) {
    const uint64_t tag = in.Varint();
    const std::string_view field = in.SizedBytes();
    if (tag == kBloomField) footer.bloom = std::string(field);
    if (tag == kUniqueField) footer.unique = true;
    if (tag == kSummariesField) {
      ByteReader list(field);
      footer.summaries = ReadSummaries(&list);
      if (!list.AtEnd()) in.Fail();
    }
    const auto read_pair = [&](uint32_t* first, uint32_t* second) {
      ByteReader pair(field);
      *first = static_cast<uint32_t>(pair.Count(UINT32_MAX / 2));
      *second = static_cast<uint32_t>(pair.Count(UINT32_MAX / 2));
      if (!pair.AtEnd()) in.Fail();
    };
    if (tag == kFilterField) read_pair(&footer.filter_begin, &footer.filter_pages);
    if (tag == kCountsField) read_pair(&stub.counts_value, &stub.durations_value);
    if (tag == kOrderField) {
      ByteReader order(field);
      stub.order = order.Varint();
      if (!order.AtEnd()) in.Fail();
    }
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("footer"));
  return footer;
}

Result<SegmentFooter> SegmentFooter::FromFirstValue(std::string_view frame, uint64_t number) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  TOCSIN_ASSIGN_OR_RETURN(const FirstValue parts, SplitFirstValue(body));
  TOCSIN_ASSIGN_OR_RETURN(SegmentFooter footer, Decode(parts.footer));
  footer.stub.number = number;
  if (footer.stub.order == 0) footer.stub.order = number;
  footer.stub.stored_bytes += frame.size();
  return footer;
}

const SegmentFooter::Column* SegmentFooter::Find(uint32_t id) const {
  const auto it = std::lower_bound(columns.begin(), columns.end(), id,
                                   [](const Column& column, uint32_t i) { return column.id < i; });
  return it != columns.end() && it->id == id ? &*it : nullptr;
}

const ValueSummary* SegmentFooter::FindSummary(uint32_t column) const {
  const auto it = std::ranges::lower_bound(summaries, column, {}, &ValueSummary::column);
  return it != summaries.end() && it->column == column ? &*it : nullptr;
}

SegmentFooter::Range SegmentFooter::AttributesOf(AttrScope scope) const {
  const auto [begin, end] =
      std::equal_range(attributes.begin(), attributes.end(), Attribute{.scope = scope, .key = {}},
                       [](const Attribute& a, const Attribute& b) { return a.scope < b.scope; });
  return {static_cast<uint32_t>(begin - attributes.begin()),
          static_cast<uint32_t>(end - attributes.begin())};
}

size_t SegmentFooter::MemoryBytes() const {
  size_t bytes = sizeof(SegmentFooter) + tenant.capacity() + bloom.capacity() +
                 VectorBytes(columns) + VectorBytes(attributes);
  for (const Attribute& attribute : attributes) bytes += attribute.key.capacity();
  bytes += VectorBytes(summaries);
  for (const ValueSummary& summary : summaries) bytes += VectorBytes(summary.values);
  return bytes;
}

Result<FirstValue> SplitFirstValue(std::string_view body) {
  ByteReader in(body);
  FirstValue value;
  value.footer = in.SizedBytes();
  value.columns = in.Bytes(in.remaining());
  TOCSIN_RETURN_IF_ERROR(in.Finish("footer"));
  return value;
}

// ---- Values -------------------------------------------------------------------------------------

size_t ValueList::MemoryBytes() const {
  return sizeof(ValueList) + texts.MemoryBytes() + VectorBytes(numbers) + VectorBytes(codes);
}

void PutValues(const ValueList& values, Packing packing, std::string* out) {
  out->push_back(static_cast<char>(values.type));
  PutVarint64(out, values.codes.size());
  PutVarint64(out, values.distinct());
  if (values.IsText()) {
    PutStrings(values.texts, packing, out);
  } else if (values.type == ValueType::kDouble) {
    PutDoubleBits(values.numbers, packing, out);
  } else {
    PutIntegers(values.numbers, packing, out);
  }
  PutCodes(values.codes, values.distinct(), packing, out);
}

ValueList ReadValues(ByteReader* in) { return ReadValues(in, {0, SIZE_MAX}); }

ValueList ReadValues(ByteReader* in, Slice entries) {
  ValueList values;
  const uint8_t type = in->Byte();
  if (!KnownType(type)) in->Fail();
  values.type = static_cast<ValueType>(type);
  const size_t count = in->Count(kMaxEntries);
  const auto distinct = static_cast<uint32_t>(in->Count(count));
  if (values.IsText()) {
    values.texts = ReadStrings(in, distinct);
  } else if (values.type == ValueType::kDouble) {
    values.numbers = ReadDoubleBits(in, distinct);
  } else {
    values.numbers = ReadIntegers(in, distinct);
  }
  if (entries.last == SIZE_MAX) entries.last = count;
  if (entries.last > count) in->Fail();
  if (!in->failed()) values.codes = ReadCodes(in, count, distinct, entries);
  return values;
}

// ---- Shapes -------------------------------------------------------------------------------------

size_t Shapes::MemoryBytes() const {
  return sizeof(Shapes) + VectorBytes(begin) + VectorBytes(slots) + VectorBytes(codes);
}

void PutShapes(const Shapes& shapes, uint32_t slots, Packing packing, std::string* out) {
  PutVarint64(out, shapes.codes.size());
  PutVarint64(out, shapes.size());
  std::vector<uint64_t> lengths(shapes.size());
  for (size_t s = 0; s < shapes.size(); ++s) lengths[s] = shapes.begin[s + 1] - shapes.begin[s];
  PutIntegers(lengths, packing, out);
  PutCodes(shapes.slots, slots, packing, out);
  PutCodes(shapes.codes, static_cast<uint32_t>(shapes.size()), packing, out);
}

Shapes ReadShapes(ByteReader* in, uint32_t slots) {
  const size_t rows = in->Count(kMaxEntries);
  const size_t count = in->Count(rows);
  Shapes shapes;
  uint64_t end = 0;
  for (const uint64_t length : ReadIntegers(in, count)) {
    if (length > kMaxEntries - end) {
      in->Fail();
      return {};
    }
    end += length;
    shapes.begin.push_back(static_cast<uint32_t>(end));
  }
  if (in->failed()) return {};
  shapes.slots = ReadCodes(in, end, slots);
  shapes.codes = ReadCodes(in, rows, static_cast<uint32_t>(count));
  return shapes;
}

// ---- Overflow -----------------------------------------------------------------------------------

size_t Overflow::MemoryBytes() const {
  return sizeof(Overflow) + key_names.MemoryBytes() + VectorBytes(key_types) + VectorBytes(keys) +
         values.MemoryBytes();
}

std::string Overflow::FromNumber(uint64_t bits) {
  std::string bytes;
  PutFixed32(&bytes, static_cast<uint32_t>(bits));
  PutFixed32(&bytes, static_cast<uint32_t>(bits >> 32));
  return bytes;
}

uint64_t Overflow::Number(std::string_view bytes) {
  ByteReader in(bytes);
  const uint64_t low = in.Fixed32();
  return low | uint64_t{in.Fixed32()} << 32;
}

void PutOverflow(const Overflow& overflow, Packing packing, std::string* out) {
  PutVarint64(out, overflow.key_names.size());
  PutStrings(overflow.key_names, packing, out);
  std::string types(overflow.key_types.size(), '\0');
  for (size_t i = 0; i < types.size(); ++i) types[i] = static_cast<char>(overflow.key_types[i]);
  PutSection(types, packing, out);
  PutVarint64(out, overflow.keys.size());
  PutCodes(overflow.keys, static_cast<uint32_t>(overflow.key_names.size()), packing, out);
  PutValues(overflow.values, packing, out);
}

Overflow ReadOverflow(ByteReader* in) {
  Overflow overflow;
  const size_t keys = in->Count(kMaxEntries);
  overflow.key_names = ReadStrings(in, keys);
  for (const char type : ReadSection(in, keys)) {
    if (!KnownType(static_cast<uint8_t>(type))) in->Fail();
    overflow.key_types.push_back(static_cast<ValueType>(type));
  }
  const size_t entries = in->Count(kMaxEntries);
  if (overflow.key_types.size() != keys) in->Fail();
  if (in->failed()) return {};
  overflow.keys = ReadCodes(in, entries, static_cast<uint32_t>(keys));
  overflow.values = ReadValues(in);
  if (overflow.values.codes.size() != entries || !overflow.values.IsText()) in->Fail();
  if (in->failed()) return {};
  for (size_t i = 0; i < entries; ++i) {
    const bool text = ValueList::TypeIsText(overflow.key_types[overflow.keys[i]]);
    if (!text && overflow.values.texts[overflow.values.codes[i]].size() != 8) in->Fail();
  }
  return overflow;
}

}  // namespace tocsin::storage
