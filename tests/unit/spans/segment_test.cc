#include "storage/spans/segment.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/crc32c.h"
#include "cpp/model/span_batch_builder.h"
#include "storage/columnar/frame.h"
#include "storage/spans/segment_format.h"
#include "tests/unit/columnar/batches.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {
namespace {

using traceql::Column;
using traceql::Value;

// Batches, and all of their rows in the order of a segment.
struct Input {
  std::vector<SpanBatch> batches;
  std::vector<RowRef> rows;
  std::vector<TraceId> traces;
  std::vector<uint64_t> through;

  explicit Input(std::vector<SpanBatch> from) : batches(std::move(from)) {
    for (const SpanBatch& batch : batches) {
      for (uint32_t row = 0; row < batch.rows(); ++row) rows.push_back({&batch, row});
    }
    std::sort(rows.begin(), rows.end(), [](const RowRef& a, const RowRef& b) {
      const auto key = [](const RowRef& ref) {
        return std::pair(TraceOf(ref), ref.batch->start[ref.row]);
      };
      return key(a) < key(b);
    });
    for (const RowRef& ref : rows) {
      if (traces.empty() || traces.back() != TraceOf(ref)) traces.push_back(TraceOf(ref));
    }
    through.reserve(traces.size());
    for (size_t t = 0; t < traces.size(); ++t) through.push_back(1'000 + t * 37 % 11);
  }

  static TraceId TraceOf(const RowRef& ref) { return ref.batch->traces[ref.batch->trace[ref.row]]; }

  SealedSegment Build() const {
    return BuildSegment(
        {.tenant = "team-a", .rows = rows, .through = through, .log_first = 5, .log_last = 99});
  }
};

std::shared_ptr<ColumnCache> Cache() { return std::make_shared<ColumnCache>(size_t{64} << 20); }

std::shared_ptr<const SegmentReader> Open(SealedSegment sealed,
                                          std::shared_ptr<ColumnCache> cache = Cache()) {
  auto reader = SegmentReader::Open(std::make_shared<const SealedSegment>(std::move(sealed)), 17,
                                    std::move(cache));
  EXPECT_TRUE(reader.has_value()) << reader.error().ToString();
  return *reader;
}

void ExpectSameRows(const Input& input, const SpanBatch& read, size_t first) {
  for (uint32_t row = 0; row < read.rows(); ++row) {
    const RowRef& ref = input.rows[first + row];
    ASSERT_EQ(Describe(read, row), Describe(*ref.batch, ref.row)) << "row " << first + row;
  }
}

std::vector<SpanBatch> RandomBatches(uint64_t seed, size_t count, const BatchShape& shape) {
  std::vector<SpanBatch> batches;
  batches.reserve(128);
  for (size_t i = 0; i < count; ++i) batches.push_back(RandomBatch(seed * 1'000 + i, shape));
  return batches;
}

TEST(SegmentTest, GivesBackEveryRowExactly) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const BatchShape shape{.rows = static_cast<uint32_t>(1 + seed * 3), .trace_pool = 20};
    const Input input(RandomBatches(seed, 1 + seed % 5, shape));
    const auto reader = Open(input.Build());
    ASSERT_EQ(reader->rows(), input.rows.size());
    const auto read = reader->ReadRows(0, reader->rows());
    ASSERT_TRUE(read.has_value()) << read.error().ToString();
    ASSERT_EQ(read->rows(), input.rows.size());
    ExpectSameRows(input, *read, 0);
  }
}

TEST(SegmentTest, GivesBackEveryRowOfALargeSegment) {
  // Beyond the size up to which a segment is one value, and with columns of their own.
  for (const uint32_t keys : {20U, 200U}) {
    const Input input(RandomBatches(
        7, 12,
        {.rows = 400, .traces = 300, .trace_pool = 900, .keys = keys, .max_attributes = 30}));
    const SealedSegment sealed = input.Build();
    EXPECT_GT(sealed.values.size(), 5U);
    const auto reader = Open(sealed);
    ExpectSameRows(input, reader->ReadRows(0, reader->rows()).value(), 0);
  }
}

TEST(SegmentTest, GivesBackAFewRowsWhateverIsCached) {
  for (const uint32_t keys : {20U, 200U}) {
    const Input input(RandomBatches(
        7, 12,
        {.rows = 400, .traces = 300, .trace_pool = 900, .keys = keys, .max_attributes = 30}));
    const SealedSegment sealed = input.Build();
    // Nothing is kept; some columns are; all are from their second use on.
    for (const size_t cache_bytes : {size_t{0}, size_t{200'000}, size_t{64} << 20}) {
      const auto cache = std::make_shared<ColumnCache>(cache_bytes);
      for (uint32_t first = 0; first < input.rows.size(); first += 611) {
        const auto end = static_cast<uint32_t>(input.rows.size());
        for (const uint32_t count : {0U, 1U, 40U}) {
          const uint32_t last = std::min(first + count, end);
          const auto reader = Open(sealed, cache);
          ExpectSameRows(input, reader->ReadRows(first, last).value(), first);
        }
      }
    }
  }
}

TEST(SegmentTest, GivesBackEveryRowOfTheLargestSegment) {
  std::vector<SpanBatch> batches;
  batches.reserve(128);
  for (uint64_t i = 0; i < 128; ++i) batches.push_back(RealisticBatch(i, 512));
  const Input input(std::move(batches));
  ASSERT_EQ(input.rows.size(), kMaxSegmentRows);
  const SealedSegment sealed = input.Build();
  EXPECT_LT(sealed.stub.stored_bytes, 45U * kMaxSegmentRows);
  const auto reader = Open(sealed);
  ExpectSameRows(input, reader->ReadRows(0, kMaxSegmentRows).value(), 0);
}

TEST(SegmentTest, SaysWhatItHolds) {
  const Input input(RandomBatches(3, 2, {.rows = 100}));
  const SealedSegment sealed = input.Build();
  const auto reader = Open(sealed);
  uint64_t min_start = UINT64_MAX;
  uint64_t max_end = 0;
  uint64_t wire_bytes = 0;
  for (const RowRef& ref : input.rows) {
    min_start = std::min(min_start, ref.batch->start[ref.row]);
    max_end = std::max({max_end, ref.batch->end[ref.row], ref.batch->start[ref.row]});
    wire_bytes += ref.batch->wire_size[ref.row];
  }
  for (const SegmentStub& stub : {sealed.stub, reader->stub()}) {
    EXPECT_EQ(stub.rows, 200U);
    EXPECT_EQ(stub.traces, input.traces.size());
    EXPECT_EQ(stub.min_start, min_start);
    EXPECT_EQ(stub.max_end, max_end);
    EXPECT_EQ(stub.wire_bytes, wire_bytes);
    EXPECT_EQ(stub.log_first, 5U);
    EXPECT_EQ(stub.log_last, 99U);
    size_t bytes = 0;
    for (const std::string& value : sealed.values) bytes += value.size();
    EXPECT_EQ(stub.stored_bytes, bytes);
  }
  EXPECT_EQ(reader->stub().number, 17U);
  EXPECT_EQ(reader->tenant(), "team-a");
  EXPECT_EQ(reader->min_start(), min_start);
  EXPECT_EQ(reader->max_end(), max_end);
  std::vector<std::pair<TraceId, uint64_t>> through;
  ASSERT_TRUE(reader
                  ->ForEachTraceThrough([&](const TraceId& id, uint64_t position) {
                    through.emplace_back(id, position);
                  })
                  .ok());
  ASSERT_EQ(through.size(), input.traces.size());
  for (size_t t = 0; t < through.size(); ++t) {
    EXPECT_EQ(through[t], std::pair(input.traces[t], input.through[t]));
  }
}

TEST(SegmentTest, AppendsTheRowsOfATraceAndOfNoOther) {
  const Input input(RandomBatches(5, 4, {.rows = 60, .traces = 30, .trace_pool = 30}));
  const auto reader = Open(input.Build());
  size_t first = 0;
  for (const TraceId& id : input.traces) {
    EXPECT_TRUE(reader->MayContain(id));
    SpanBatchBuilder builder;
    ASSERT_TRUE(reader->AppendTrace(id, &builder).value());
    const SpanBatch trace = std::move(builder).Finish();
    ExpectSameRows(input, trace, first);
    first += trace.rows();
  }
  EXPECT_EQ(first, input.rows.size());
  SpanBatchBuilder builder;
  size_t maybe = 0;
  for (uint64_t i = 0; i < 1'000; ++i) {
    const TraceId absent{i * 0x9e3779b97f4a7c15U, i + 1'000'000};
    maybe += reader->MayContain(absent) ? 1U : 0U;
    EXPECT_FALSE(reader->AppendTrace(absent, &builder).value());
  }
  EXPECT_LT(maybe, 100U);
  EXPECT_EQ(builder.batch().rows(), 0U);
}

TEST(SegmentTest, AppendsToWhatAnotherSegmentGave) {
  // The same trace in two segments; their resources are shared in the result.
  const Input one({RealisticBatch(1, 40)});
  const auto reader = Open(one.Build());
  SpanBatchBuilder builder;
  ASSERT_TRUE(reader->AppendTrace(one.traces[0], &builder).value());
  const size_t resources = builder.batch().resources.size();
  ASSERT_TRUE(reader->AppendTrace(one.traces[0], &builder).value());
  EXPECT_EQ(builder.batch().resources.size(), resources);
}

// ---- The accessors of a block against the batches ----------------------------------------------

// One value of a column, in words.
std::string Words(const Value& value) {
  return std::to_string(static_cast<int>(value.type)) + "/" + value.text + "/" +
         std::to_string(value.integer) + "/" +
         std::to_string(std::bit_cast<uint64_t>(value.number));
}

std::string Words(const SpanBatch& batch, const SpanBatch::Attr& attr) {
  Value value;
  value.type = batch.keys[attr.key].type;
  switch (value.type) {
    case ValueType::kInt:
      value.integer = batch.ints[attr.value];
      break;
    case ValueType::kBool:
      value.integer = attr.value;
      break;
    case ValueType::kDouble:
      value.number = batch.doubles[attr.value];
      break;
    case ValueType::kEmpty:
      break;
    default:
      value.text = std::string(batch.strings[attr.value]);
  }
  return Words(value);
}

// The first value of the key in a list; "" if it has none.
std::string First(const SpanBatch& batch, SpanBatch::AttrRange range, std::string_view key) {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    if (batch.strings[batch.keys[batch.attrs[i].key].name] == key) {
      return Words(batch, batch.attrs[i]);
    }
  }
  return "";
}

// What each row has: one entry, or as many as it has events or links.
using ByRow = std::vector<std::vector<std::string>>;

ByRow Read(const std::shared_ptr<const Column>& column, size_t rows) {
  ByRow by_row(rows);
  if (column == nullptr) return by_row;
  std::set<std::string> distinct;
  for (const Value& value : column->values) {
    EXPECT_TRUE(distinct.insert(Words(value)).second) << "the values are distinct";
  }
  EXPECT_EQ(column->codes.size(), column->owner.empty() ? rows : column->owner.size());
  for (size_t i = 0; i < column->codes.size(); ++i) {
    const uint32_t code = column->codes[i];
    const size_t row = column->owner.empty() ? i : column->owner[i];
    if (code != 0) by_row[row].push_back(Words(column->values[code - 1]));
  }
  return by_row;
}

std::string Text(std::string_view text) {
  Value value;
  value.type = ValueType::kString;
  value.text = std::string(text);
  return Words(value);
}

class BlockCheck {
 public:
  BlockCheck(const Input& input, const SegmentReader& reader) : input_(input), reader_(reader) {}

  void Columns() {
    const auto traces = reader_.Traces().value();
    const auto trace_of_row = reader_.TraceOfRow().value();
    const auto span_ids = reader_.SpanIds().value();
    const auto parents = reader_.ParentSpanIds().value();
    const auto starts = reader_.Starts().value();
    const auto ends = reader_.Ends().value();
    const auto kinds = reader_.Kinds().value();
    const auto statuses = reader_.Statuses().value();
    for (size_t i = 0; i < input_.rows.size(); ++i) {
      const auto& [batch, row] = input_.rows[i];
      ASSERT_EQ(traces[trace_of_row[i]], Input::TraceOf(input_.rows[i]));
      ASSERT_EQ(span_ids[i], batch->span_id[row]);
      ASSERT_EQ(parents[i], batch->parent_span_id[row]);
      ASSERT_EQ(starts[i], batch->start[row]);
      ASSERT_EQ(ends[i], batch->end[row]);
      ASSERT_EQ(kinds[i], batch->kind[row]);
      ASSERT_EQ(statuses[i], batch->status[row]);
    }
  }

  void Texts() {
    ByRow names(rows());
    ByRow messages(rows());
    ByRow events(rows());
    ByRow scopes(rows());
    ByRow versions(rows());
    for (size_t i = 0; i < rows(); ++i) {
      const auto& [batch, row] = input_.rows[i];
      const auto& strings = batch->strings;
      names[i].push_back(Text(strings[batch->name[row]]));
      messages[i].push_back(Text(strings[batch->ExtraOf(row).status_message]));
      for (uint32_t e = batch->event_begin[row]; e < batch->event_begin[row + 1]; ++e) {
        events[i].push_back(Text(strings[batch->events[e].name]));
      }
      scopes[i].push_back(Text(strings[batch->scopes[batch->scope[row]].name]));
      versions[i].push_back(Text(strings[batch->scopes[batch->scope[row]].version]));
    }
    EXPECT_EQ(Read(reader_.Names().value(), rows()), names);
    EXPECT_EQ(Read(reader_.StatusMessages().value(), rows()), messages);
    EXPECT_EQ(Read(reader_.EventNames().value(), rows()), events);
    EXPECT_EQ(Read(reader_.ScopeNames().value(), rows()), scopes);
    EXPECT_EQ(Read(reader_.ScopeVersions().value(), rows()), versions);
  }

  void EventsAndLinks() {
    ByRow times(rows());
    ByRow traces(rows());
    ByRow spans(rows());
    Value value;
    for (size_t i = 0; i < rows(); ++i) {
      const auto& [batch, row] = input_.rows[i];
      value = {.type = ValueType::kInt, .text = {}};
      for (uint32_t e = batch->event_begin[row]; e < batch->event_begin[row + 1]; ++e) {
        value.integer = static_cast<int64_t>(batch->events[e].time);
        times[i].push_back(Words(value));
      }
      value = {.type = ValueType::kBytes, .text = {}};
      for (uint32_t l = batch->link_begin[row]; l < batch->link_begin[row + 1]; ++l) {
        value.text = batch->links[l].trace_id.ToBytes();
        traces[i].push_back(Words(value));
        value.text = SpanIdToBytes(batch->links[l].span_id);
        spans[i].push_back(Words(value));
      }
    }
    EXPECT_EQ(Read(reader_.EventTimes().value(), rows()), times);
    EXPECT_EQ(Read(reader_.LinkTraceIds().value(), rows()), traces);
    EXPECT_EQ(Read(reader_.LinkSpanIds().value(), rows()), spans);
  }

  void Attribute(AttrScope scope, std::string_view key) {
    ByRow expected(rows());
    bool any = false;
    for (size_t i = 0; i < rows(); ++i) {
      const auto& [batch, row] = input_.rows[i];
      for (const SpanBatch::AttrRange range : Lists(scope, *batch, row)) {
        std::string words = First(*batch, range, key);
        if (words.empty()) continue;
        any = true;
        expected[i].push_back(std::move(words));
      }
    }
    const auto column = reader_.Attribute(scope, key);
    ASSERT_TRUE(column.has_value()) << column.error().ToString();
    EXPECT_EQ(*column != nullptr, any) << key;
    EXPECT_EQ(Read(*column, rows()), expected) << key;
  }

  size_t rows() const { return input_.rows.size(); }

 private:
  static std::vector<SpanBatch::AttrRange> Lists(AttrScope scope, const SpanBatch& batch,
                                                 uint32_t row) {
    std::vector<SpanBatch::AttrRange> lists;
    const SpanBatch::Scope& own = batch.scopes[batch.scope[row]];
    switch (scope) {
      case AttrScope::kSpan:
        return {{batch.attr_begin[row], batch.attr_begin[row + 1]}};
      case AttrScope::kResource:
        return {batch.resources[own.resource].attrs};
      case AttrScope::kInstrumentation:
        return {own.attrs};
      case AttrScope::kEvent:
        for (uint32_t e = batch.event_begin[row]; e < batch.event_begin[row + 1]; ++e) {
          lists.push_back(batch.events[e].attrs);
        }
        return lists;
      case AttrScope::kLink:
        for (uint32_t l = batch.link_begin[row]; l < batch.link_begin[row + 1]; ++l) {
          lists.push_back(batch.links[l].attrs);
        }
        return lists;
    }
    return lists;
  }

  const Input& input_;
  const SegmentReader& reader_;
};

constexpr AttrScope kScopes[] = {AttrScope::kSpan, AttrScope::kResource, AttrScope::kEvent,
                                 AttrScope::kLink, AttrScope::kInstrumentation};

void ExpectSameAnswers(const Input& input, uint32_t keys) {
  const auto reader = Open(input.Build());
  BlockCheck check(input, *reader);
  check.Columns();
  check.Texts();
  check.EventsAndLinks();
  for (const AttrScope scope : kScopes) {
    for (uint32_t key = 0; key < keys; ++key) {
      check.Attribute(scope, "key." + std::to_string(key));
    }
    check.Attribute(scope, "absent");
    check.Attribute(scope, "");
  }
}

TEST(SegmentTest, AnswersAsTheBatchesDo) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const BatchShape shape{.rows = static_cast<uint32_t>(20 + seed * 20)};
    ExpectSameAnswers(Input(RandomBatches(seed, 3, shape)), shape.keys);
  }
}

TEST(SegmentTest, AnswersAsTheBatchesDoWithMoreKeysThanColumns) {
  // Every key occurs with every type: most of them are in the overflow, many in both.
  const Input input(RandomBatches(1, 4, {.rows = 150, .keys = 120}));
  ExpectSameAnswers(input, 120);
  const auto reader = Open(input.Build());
  std::set<std::pair<std::string, ValueType>> names;
  const auto found = reader->AttributeNames(AttrScope::kSpan);
  for (const auto& name : *found) {
    EXPECT_TRUE(names.emplace(name.name, name.type).second);
  }
  std::set<std::pair<std::string, ValueType>> expected;
  for (const RowRef& ref : input.rows) {
    for (uint32_t i = ref.batch->attr_begin[ref.row]; i < ref.batch->attr_begin[ref.row + 1]; ++i) {
      const SpanBatch::Key& key = ref.batch->keys[ref.batch->attrs[i].key];
      expected.emplace(ref.batch->strings[key.name], key.type);
    }
  }
  EXPECT_EQ(names, expected);
  EXPECT_GT(names.size(), kMaxAttributeColumns);
}

// ---- Hostile spans -----------------------------------------------------------------------------

void AddRow(SpanBatchBuilder* builder, uint64_t trace, uint64_t span, uint64_t parent) {
  SpanBatch& batch = builder->batch();
  if (batch.scopes.empty()) {
    batch.resources.push_back({});
    batch.scopes.push_back({});
  }
  batch.trace.push_back(builder->InternTrace({1, trace}));
  batch.span_id.push_back(span);
  batch.parent_span_id.push_back(parent);
  batch.start.push_back(span);
  batch.end.push_back(span);
  batch.name.push_back(0);
  batch.kind.push_back(SpanKind::kServer);
  batch.status.push_back(SpanStatus::kUnset);
  batch.flags.push_back(0);
  batch.scope.push_back(0);
  batch.wire_size.push_back(10);
  batch.attr_begin.push_back(builder->AttrCount());
  batch.event_begin.push_back(0);
  batch.link_begin.push_back(0);
}

Input OneBatch(SpanBatchBuilder builder) {
  std::vector<SpanBatch> batches;
  batches.push_back(std::move(builder).Finish());
  return Input(std::move(batches));
}

TEST(SegmentTest, FiftyThousandHostileKeysCostLittle) {
  SpanBatchBuilder builder;
  for (uint64_t i = 0; i < 50'000; ++i) {
    builder.AddString("common", "value");
    builder.AddInt("hostile." + std::to_string(i * 2'654'435'761U % 1'000'000'007U), 1);
    AddRow(&builder, i / 10, i + 1, i);
  }
  const Input input = OneBatch(std::move(builder));
  const SealedSegment sealed = input.Build();
  EXPECT_LT(sealed.values.size(), 64U);
  EXPECT_LT(sealed.stub.stored_bytes, 50'000U * 30);
  const auto reader = Open(sealed);
  ExpectSameRows(input, reader->ReadRows(0, reader->rows()).value(), 0);
  EXPECT_EQ(Read(reader->Attribute(AttrScope::kSpan, "common").value(), 50'000)[77].size(), 1U);
}

TEST(SegmentTest, EveryListOfAnotherShapeAndEveryScopeOfItsOwn) {
  SpanBatchBuilder builder;
  for (uint32_t i = 0; i < 3'000; ++i) {
    for (uint32_t bit = 0; bit < 12; ++bit) {
      if ((i >> bit & 1) != 0) builder.AddBool("k" + std::to_string(bit), true);
    }
    AddRow(&builder, i, i + 1, 0);
    SpanBatch& batch = builder.batch();
    const uint32_t begin = builder.AttrCount();
    builder.AddInt("number", i);
    batch.resources.push_back({.attrs = {begin, builder.AttrCount()}});
    SpanBatch::Scope scope;
    scope.resource = i + 1;
    scope.name = builder.Intern(std::to_string(i));
    batch.scopes.push_back(scope);
    batch.scope.back() = i + 1;
  }
  const Input input = OneBatch(std::move(builder));
  const auto reader = Open(input.Build());
  ExpectSameRows(input, reader->ReadRows(0, reader->rows()).value(), 0);
  ExpectSameRows(input, reader->ReadRows(1'500, 1'502).value(), 1'500);
}

TEST(SegmentTest, ALongListABigValueAndManyEvents) {
  SpanBatchBuilder builder;
  for (int i = 0; i < 20'000; ++i) builder.AddInt("same key", i);
  builder.AddString("big", std::string(3'000'000, 'b'));
  builder.AddString("incompressible", [] {
    std::string text;
    uint64_t x = 1;
    for (int i = 0; i < 400'000; ++i) {
      x = x * 6'364'136'223'846'793'005U + 1;
      text.push_back(static_cast<char>(x >> 56));
    }
    return text;
  }());
  SpanBatch& batch = builder.batch();
  for (uint64_t i = 0; i < 100'000; ++i) batch.events.push_back({i, builder.Intern("e"), {}, 0});
  AddRow(&builder, 1, 1, 0);
  batch.event_begin.back() = 100'000;
  const Input input = OneBatch(std::move(builder));
  const auto reader = Open(input.Build());
  ExpectSameRows(input, reader->ReadRows(0, 1).value(), 0);
  EXPECT_EQ(reader->EventNames().value()->codes.size(), 100'000U);
}

TEST(SegmentTest, OneTraceOfAllRowsWithTheSameIds) {
  SpanBatchBuilder builder;
  for (uint32_t i = 0; i < kMaxSegmentRows; ++i) AddRow(&builder, 1, 7, i % 2 == 0 ? 7 : 8);
  const Input input = OneBatch(std::move(builder));
  const auto reader = Open(input.Build());
  const auto parents = reader->ParentSpanIds().value();
  for (uint32_t i = 0; i < kMaxSegmentRows; ++i) {
    ASSERT_EQ(parents[i], input.rows[i].batch->parent_span_id[input.rows[i].row]);
  }
}

TEST(SegmentTest, ParentsBeforeBehindAndFarAway) {
  SpanBatchBuilder builder;
  for (uint32_t i = 0; i < 5'000; ++i) AddRow(&builder, 1, i + 1, 5'000 - i);
  const Input input = OneBatch(std::move(builder));
  ExpectSameRows(input, Open(input.Build())->ReadRows(0, 5'000).value(), 0);
}

// ---- Damage ------------------------------------------------------------------------------------

// Asks for everything there is; the first error, or OK.
Status ReadAll(const SegmentReader& reader) {
  TOCSIN_ASSIGN_OR_RETURN(const SpanBatch batch, reader.ReadRows(0, reader.rows()));
  for (const AttrScope scope : kScopes) {
    TOCSIN_ASSIGN_OR_RETURN(const auto names, reader.AttributeNames(scope));
    for (const auto& name : names) {
      TOCSIN_ASSIGN_OR_RETURN(const auto column, reader.Attribute(scope, name.name));
    }
  }
  TOCSIN_ASSIGN_OR_RETURN(const auto names, reader.Names());
  TOCSIN_ASSIGN_OR_RETURN(const auto events, reader.EventNames());
  TOCSIN_ASSIGN_OR_RETURN(const auto messages, reader.StatusMessages());
  return {};
}

Status OpenAndReadAll(SealedSegment sealed) {
  const auto reader =
      SegmentReader::Open(std::make_shared<const SealedSegment>(std::move(sealed)), 17, Cache());
  if (!reader) return reader.error();
  return ReadAll(**reader);
}

// The same, and what spares readers the rows.
Status OpenAndCheckAll(SealedSegment sealed) {
  TOCSIN_RETURN_IF_ERROR(OpenAndReadAll(sealed));
  const auto reader = Open(std::move(sealed));
  return reader->CheckShortcuts(reader->ReadRows(0, reader->rows()).value());
}

TEST(SegmentTest, EveryFlippedBitAndTruncationOfASmallSegmentIsCorruption) {
  const SealedSegment sealed = Input(RandomBatches(2, 1, {.rows = 6})).Build();
  ASSERT_TRUE(OpenAndReadAll(sealed).ok());
  for (size_t bit = 0; bit < sealed.values[0].size() * 8; ++bit) {
    SealedSegment damaged = sealed;
    char& byte = damaged.values[0][bit / 8];
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    ASSERT_EQ(OpenAndReadAll(std::move(damaged)).code(), StatusCode::kCorruption) << bit;
  }
  for (size_t size = 0; size < sealed.values[0].size(); ++size) {
    SealedSegment damaged = sealed;
    damaged.values[0].resize(size);
    ASSERT_EQ(OpenAndReadAll(std::move(damaged)).code(), StatusCode::kCorruption) << size;
  }
}

TEST(SegmentTest, ADamagedOrLostValueNamesItsColumnAndTheOthersAreRead) {
  const SealedSegment sealed =
      Input(RandomBatches(4, 10, {.rows = 300, .traces = 100, .trace_pool = 100})).Build();
  ASSERT_GT(sealed.values.size(), 3U);
  ASSERT_TRUE(OpenAndCheckAll(sealed).ok());
  for (size_t value = 1; value < sealed.values.size(); ++value) {
    for (const size_t at :
         {size_t{0}, size_t{2}, sealed.values[value].size() / 2, sealed.values[value].size() - 1}) {
      SealedSegment damaged = sealed;
      damaged.values[value][at] = static_cast<char>(damaged.values[value][at] ^ 4);
      const Status status = OpenAndCheckAll(std::move(damaged));
      EXPECT_EQ(status.code(), StatusCode::kCorruption);
      EXPECT_TRUE(status.message().starts_with("segment 17: ")) << status.ToString();
    }
    SealedSegment swapped = sealed;
    swapped.values[value] = sealed.values[value % (sealed.values.size() - 1) + 1];
    EXPECT_EQ(OpenAndCheckAll(std::move(swapped)).code(), StatusCode::kCorruption);
  }
  SealedSegment cut = sealed;
  cut.values.pop_back();
  EXPECT_EQ(OpenAndCheckAll(std::move(cut)).code(), StatusCode::kCorruption);

  // The value of the span ids is gone, and everything that does not need them is still there.
  const auto footer = SegmentFooter::FromFirstValue(sealed.values[0], 17).value();
  SealedSegment damaged = sealed;
  damaged.values[footer.Find(kSpanIdsColumn)->value].clear();
  const auto reader = Open(std::move(damaged));
  EXPECT_EQ(reader->SpanIds().error().message(), "segment 17: span_id: frame: not a frame");
  EXPECT_TRUE(reader->Starts().has_value());
  EXPECT_TRUE(reader->Attribute(AttrScope::kSpan, "key.1").has_value());
}

TEST(SegmentTest, ChangedColumnsBehindARightChecksumAreRefusedOrWhole) {
  // Whatever the bytes of a column are, reading is safe: what the checksum would refuse is changed
  // behind its back.
  const SealedSegment sealed = Input(RandomBatches(6, 1, {.rows = 4, .keys = 4})).Build();
  const std::string body = OpenFrame(sealed.values[0]).value();
  size_t refused = 0;
  for (size_t at = 0; at < body.size(); ++at) {
    for (const int change : {1, 0xff}) {
      std::string changed = body;
      changed[at] = static_cast<char>(changed[at] ^ change);
      const Status status = OpenAndReadAll({.values = {SealFrame(changed, Compression::kNone)},
                                            .stub = {},
                                            .traces = {},
                                            .split = {}});
      EXPECT_TRUE(status.ok() || status.code() == StatusCode::kCorruption ||
                  status.code() == StatusCode::kFailedPrecondition);
      refused += status.ok() ? 0U : 1U;
    }
  }
  EXPECT_GT(refused, body.size());
}

// ---- What older versions wrote
// -------------------------------------------------------------------

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return in.good() ? std::string(std::istreambuf_iterator<char>(in), {}) : std::string();
}

TEST(SegmentTest, ReadsWhatVersion1Wrote) {
  for (const std::string name : {"small", "large"}) {
    const std::string fixture = TOCSIN_SOURCE_DIR "/storage/fixtures/v1/segment/" + name;
    SealedSegment sealed;
    while (true) {
      std::string value = ReadFile(fixture + "/" + std::to_string(sealed.values.size()));
      if (value.empty()) break;
      sealed.values.push_back(std::move(value));
    }
    EXPECT_EQ(sealed.values.size() == 1, name == "small");
    const auto reader = Open(std::move(sealed));
    EXPECT_EQ(reader->tenant(), "fixture");
    EXPECT_EQ(reader->stub().log_first, 100U);
    const SpanBatch rows = reader->ReadRows(0, reader->rows()).value();
    EXPECT_EQ(std::to_string(Crc32c(Describe(rows))) + "\n", ReadFile(fixture + "/rows.crc32c"));
    ASSERT_TRUE(ReadAll(*reader).ok());
    uint64_t next = 100;
    const auto visit = [&](const TraceId& id, uint64_t through) {
      EXPECT_TRUE(reader->MayContain(id));
      EXPECT_EQ(through, next++);
    };
    ASSERT_TRUE(reader->ForEachTraceThrough(visit).ok());
    EXPECT_EQ(next, reader->stub().log_last);
  }
}

// ---- In a volume -------------------------------------------------------------------------------

class SegmentInVolumeTest : public ::testing::Test {
 public:
  SegmentInVolumeTest() { volume_ = Volume::Open(path_, {}, Telemetry::None()).value(); }
  ~SegmentInVolumeTest() override { volume_.reset(); }

  void Write(uint64_t number, const SealedSegment& sealed) {
    std::vector<std::string> keys;
    keys.reserve(sealed.values.size());
    for (uint32_t i = 0; i < sealed.values.size(); ++i) keys.push_back(SegmentKey(number, i));
    std::vector<Volume::Entry> entries;
    entries.reserve(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) entries.push_back({keys[i], sealed.values[i]});
    ASSERT_TRUE(volume_->Write(entries, true).ok());
  }

  const TemporaryDirectory home_;
  const std::string path_ = home_ / "data";
  std::shared_ptr<Volume> volume_;
};

TEST_F(SegmentInVolumeTest, IsReadBackByManyThreadsThroughASmallCache) {
  const Input input(RandomBatches(8, 8, {.rows = 400, .traces = 100, .trace_pool = 200}));
  Write(3, input.Build());
  const auto cache = std::make_shared<ColumnCache>(200'000);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t round = 0; round < 3; ++round) {
        const auto reader = SegmentReader::Open(volume_, 3, cache);
        if (!reader || !ReadAll(**reader).ok()) ++failures;
        const uint32_t row = (t * 3 + round) * 100;
        const auto rows = (*reader)->ReadRows(row, row + 50);
        for (uint32_t r = 0; r < 50; ++r) {
          const RowRef& ref = input.rows[row + r];
          if (Describe(*rows, r) != Describe(*ref.batch, ref.row)) ++failures;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_LE(cache->bytes(), 200'000U);
}

TEST_F(SegmentInVolumeTest, OneReaderServesManyThreads) {
  const Input input(RandomBatches(9, 4, {.rows = 200}));
  Write(1, input.Build());
  const auto reader = SegmentReader::Open(volume_, 1, Cache()).value();
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> failures = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      if (!ReadAll(*reader).ok()) ++failures;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(SegmentInVolumeTest, AreListedByTheirFootersAlsoWhereOneIsDamaged) {
  EXPECT_EQ(SegmentReader::Open(volume_, 1, Cache()).error().code(), StatusCode::kNotFound);
  const SealedSegment small = Input(RandomBatches(1, 1, {.rows = 5})).Build();
  const SealedSegment large = Input(RandomBatches(1, 10, {.rows = 300})).Build();
  Write(1, small);
  Write(200, large);
  Write(70'000, small);
  Write(UINT64_MAX, small);
  ASSERT_TRUE(volume_->Put(SegmentKey(200, 0), "damaged", false).ok());
  ASSERT_TRUE(volume_->Put(SegmentKey(300, 1), "without a footer", false).ok());
  ASSERT_TRUE(volume_->Put("a", "another key", false).ok());
  ASSERT_TRUE(volume_->Put("t", "another key", false).ok());
  std::string seen;
  ASSERT_TRUE(ForEachSegment(*volume_, [&](uint64_t number, const Result<SegmentStub>& stub,
                                           std::string_view tenant) {
                seen += std::to_string(number) + ":";
                seen += stub ? std::to_string(stub->rows) + "," + std::string(tenant)
                             : std::string(stub.error().message());
                seen += "\n";
                if (!stub) return;
                EXPECT_EQ(stub->number, number);
                EXPECT_EQ(stub->stored_bytes, small.stub.stored_bytes);
              }).ok());
  EXPECT_EQ(seen,
            "1:5,team-a\n"
            "200:segment 200: frame: not a frame\n"
            "300:segment 300: the footer is missing\n"
            "70000:5,team-a\n"
            "18446744073709551615:5,team-a\n");
}

}  // namespace
}  // namespace tocsin::storage
