// What goes into a SpanBatchBuilder comes out of its batch: every text, key and trace once, every
// list of attributes where its owner says, whatever the order in which the lists were built; and a
// row copied into another batch is the same row.

#include "cpp/model/span_batch_builder.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

// --- Rendering a row as text, to compare rows of different batches by what they mean.

std::string ValueText(const SpanBatch& batch, const SpanBatch::Attr& attr) {
  const ValueType type = batch.keys[attr.key].type;
  std::string text = std::to_string(static_cast<int>(type)) + ":";
  switch (type) {
    case ValueType::kString:
    case ValueType::kBytes:
    case ValueType::kComposite:
      return text.append(batch.strings[attr.value]);
    case ValueType::kInt:
      return text + std::to_string(batch.ints[attr.value]);
    case ValueType::kDouble:
      return text + std::to_string(std::bit_cast<uint64_t>(batch.doubles[attr.value]));
    case ValueType::kBool:
    case ValueType::kEmpty:
      return text + std::to_string(attr.value);
  }
  return text;
}

std::string AttrsText(const SpanBatch& batch, SpanBatch::AttrRange range) {
  std::string text = "[";
  for (uint32_t i = range.begin; i < range.end; ++i) {
    text.append(batch.strings[batch.keys[batch.attrs[i].key].name]);
    text += "=" + ValueText(batch, batch.attrs[i]) + ",";
  }
  return text + "]";
}

std::string ScopeText(const SpanBatch& batch, uint32_t index) {
  const SpanBatch::Scope& scope = batch.scopes[index];
  const SpanBatch::Resource& resource = batch.resources[scope.resource];
  std::string text = "resource " + AttrsText(batch, resource.attrs);
  text.append(batch.strings[resource.schema_url]);
  text += "/" + std::to_string(resource.dropped_attributes) + " scope ";
  text.append(batch.strings[scope.name]).append("@").append(batch.strings[scope.version]);
  text += AttrsText(batch, scope.attrs) + std::to_string(scope.dropped_attributes);
  return text.append(batch.strings[scope.schema_url]);
}

std::string RowText(const SpanBatch& batch, uint32_t row) {
  std::string text = ScopeText(batch, batch.scope[row]);
  const auto add = [&](auto number) {
    text += " " + std::to_string(static_cast<uint64_t>(number));
  };
  text += " " + batch.traces[batch.trace[row]].ToHex();
  add(batch.span_id[row]);
  add(batch.parent_span_id[row]);
  add(batch.start[row]);
  add(batch.end[row]);
  add(batch.kind[row]);
  add(batch.status[row]);
  add(batch.flags[row]);
  add(batch.wire_size[row]);
  text.append(batch.strings[batch.name[row]]);
  text += AttrsText(batch, {batch.attr_begin[row], batch.attr_begin[row + 1]});
  for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
    const SpanBatch::Event& event = batch.events[i];
    text += " event ";
    text.append(batch.strings[event.name]);
    text += AttrsText(batch, event.attrs);
    add(event.time);
    add(event.dropped_attributes);
  }
  for (uint32_t i = batch.link_begin[row]; i < batch.link_begin[row + 1]; ++i) {
    const SpanBatch::Link& link = batch.links[i];
    text += " link " + link.trace_id.ToHex();
    text.append(batch.strings[link.trace_state]);
    text += AttrsText(batch, link.attrs);
    add(link.span_id);
    add(link.dropped_attributes);
    add(link.flags);
  }
  const SpanBatch::Extra& extra = batch.ExtraOf(row);
  text.append(batch.strings[extra.status_message]).append(batch.strings[extra.trace_state]);
  add(extra.dropped_attributes);
  add(extra.dropped_events);
  add(extra.dropped_links);
  return text;
}

// --- Random batches.

class RandomBatch {
 public:
  explicit RandomBatch(uint64_t seed) : random_(seed) {}

  SpanBatch Make(uint32_t rows) {
    SpanBatch& batch = builder_.batch();
    for (uint32_t row = 0; row < rows; ++row) {
      if (row == 0 || Below(5) == 0) AddScope();
      AddRow(&batch, row);
    }
    return std::move(builder_).Finish();
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string Text() { return std::string(Below(20), static_cast<char>('a' + Below(4))); }
  uint32_t Number() { return static_cast<uint32_t>(Below(3)); }

  void AddAttr() {
    const std::string key = "key" + std::to_string(Below(6));
    switch (Below(7)) {
      case 0:
        return builder_.AddString(key, Text());
      case 1:
        return builder_.AddBool(key, Below(2) == 0);
      case 2:
        return builder_.AddInt(key, static_cast<int64_t>(Below(4)) - 2);
      case 3:
        return builder_.AddDouble(key,
                                  Below(2) == 0 ? -0.0 : std::numeric_limits<double>::quiet_NaN());
      case 4:
        return builder_.AddBytes(key, "\xff" + Text());
      case 5:
        return builder_.AddComposite(key, "\x2a\x02" + Text());
      default:
        return builder_.AddEmpty(key);
    }
  }

  SpanBatch::AttrRange AddAttrs() {
    const uint32_t begin = builder_.AttrCount();
    for (uint64_t n = Below(4); n > 0; --n) AddAttr();
    return {begin, builder_.AttrCount()};
  }

  void AddScope() {
    SpanBatch& batch = builder_.batch();
    if (batch.resources.empty() || Below(2) == 0) {
      batch.resources.push_back({AddAttrs(), Number(), builder_.Intern(Text())});
    }
    const auto resource = static_cast<uint32_t>(batch.resources.size() - 1);
    const StringId name = builder_.Intern(Text());
    batch.scopes.push_back(
        {resource, name, builder_.Intern(Text()), AddAttrs(), Number(), builder_.Intern(Text())});
  }

  // The lists of the span, its events and its links in any order.
  void AddRow(SpanBatch* batch, uint32_t row) {
    for (uint64_t n = Below(8); n > 0; --n) {
      switch (Below(3)) {
        case 0:
          AddAttr();
          break;
        case 1:
          batch->events.push_back({random_(), builder_.Intern(Text()), AddAttrs(), Number()});
          break;
        default:
          batch->links.push_back(
              {{random_(), 1}, random_(), builder_.Intern(Text()), AddAttrs(), Number(), Number()});
      }
    }
    batch->trace.push_back(builder_.InternTrace({1, Below(4)}));
    batch->span_id.push_back(random_());
    batch->parent_span_id.push_back(Below(2));
    batch->start.push_back(random_());
    batch->end.push_back(random_());
    batch->name.push_back(builder_.Intern(Text()));
    batch->kind.push_back(static_cast<SpanKind>(Below(6)));
    batch->status.push_back(static_cast<SpanStatus>(Below(3)));
    batch->flags.push_back(Number());
    batch->scope.push_back(static_cast<uint32_t>(batch->scopes.size() - 1));
    batch->wire_size.push_back(Number());
    batch->attr_begin.push_back(builder_.AttrCount());
    batch->event_begin.push_back(static_cast<uint32_t>(batch->events.size()));
    batch->link_begin.push_back(static_cast<uint32_t>(batch->links.size()));
    if (Below(3) == 0) {
      batch->extras.push_back(
          {row, builder_.Intern("message"), builder_.Intern(Text()), Number(), Number(), Number()});
    }
  }

  std::mt19937_64 random_;
  SpanBatchBuilder builder_;
};

// Pushes a row that has nothing but an id.
void AddBareRow(SpanBatchBuilder* builder, SpanId id) {
  SpanBatch& batch = builder->batch();
  if (batch.scopes.empty()) {
    batch.resources.emplace_back();
    batch.scopes.emplace_back();
  }
  batch.trace.push_back(builder->InternTrace({0, 1}));
  batch.span_id.push_back(id);
  batch.parent_span_id.push_back(0);
  batch.start.push_back(0);
  batch.end.push_back(0);
  batch.name.push_back(0);
  batch.kind.push_back(SpanKind::kUnspecified);
  batch.status.push_back(SpanStatus::kUnset);
  batch.flags.push_back(0);
  batch.scope.push_back(static_cast<uint32_t>(batch.scopes.size() - 1));
  batch.wire_size.push_back(0);
  batch.attr_begin.push_back(builder->AttrCount());
  batch.event_begin.push_back(static_cast<uint32_t>(batch.events.size()));
  batch.link_begin.push_back(static_cast<uint32_t>(batch.links.size()));
}

// --- Interning.

TEST(SpanBatchBuilderTest, EqualTextsShareOneIdAndTheEmptyTextIsZero) {
  SpanBatchBuilder builder;
  std::map<std::string, StringId> ids;
  std::mt19937_64 random(1);
  EXPECT_EQ(builder.Intern(""), 0U);
  for (int i = 0; i < 20'000; ++i) {
    // Lengths around every branch of the comparison, differing in one byte at any place.
    std::string text(1 + random() % 80, 'x');
    text[random() % text.size()] = static_cast<char>(random());
    const StringId id = builder.Intern(text);
    EXPECT_NE(id, 0U);
    EXPECT_EQ(ids.try_emplace(text, id).first->second, id);
    ASSERT_EQ(builder.batch().strings[id], text);
  }
  std::set<StringId> distinct;
  for (const auto& [text, id] : ids) distinct.insert(id);
  EXPECT_EQ(distinct.size(), ids.size());
  EXPECT_EQ(builder.batch().strings.size(), ids.size() + 1);
}

TEST(SpanBatchBuilderTest, KeysAreDistinctByNameAndType) {
  SpanBatchBuilder builder;
  std::set<uint32_t> keys;
  for (int round = 0; round < 3; ++round) {
    for (int name = 0; name < 500; ++name) {
      for (int type = 0; type <= 6; ++type) {
        keys.insert(builder.InternKey("key" + std::to_string(name), static_cast<ValueType>(type)));
      }
    }
  }
  EXPECT_EQ(keys.size(), 3'500U);
  EXPECT_EQ(builder.batch().keys.size(), 3'500U);
  for (const uint32_t key : keys) {
    const SpanBatch::Key found = builder.batch().keys[key];
    EXPECT_EQ(builder.InternKey(builder.batch().strings[found.name], found.type), key);
  }
}

TEST(SpanBatchBuilderTest, TracesAreDistinctInOrderOfFirstAppearance) {
  SpanBatchBuilder builder;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < 5'000; ++i) {
      EXPECT_EQ(builder.InternTrace({i % 7, i}), i);
      EXPECT_EQ(builder.InternTrace({i % 7, i}), i);
    }
  }
  EXPECT_EQ(builder.batch().traces.size(), 5'000U);
}

TEST(SpanBatchBuilderTest, ValuesOfOneKeyMayChangeFromSpanToSpan) {
  SpanBatchBuilder builder;
  std::mt19937_64 random(5);
  std::vector<std::string> expected;
  for (int i = 0; i < 2'000; ++i) {
    const std::string value = std::to_string(random() % 4);
    switch (random() % 3) {
      case 0:
        builder.AddString("k", value);
        expected.push_back("0:" + value);
        break;
      case 1:
        builder.AddInt("k", std::stoll(value));
        expected.push_back("2:" + value);
        break;
      default:
        builder.AddDouble("k", std::stod(value));
        expected.push_back("3:" + std::to_string(std::bit_cast<uint64_t>(std::stod(value))));
    }
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(ValueText(builder.batch(), builder.batch().attrs[i]), expected[i]);
  }
}

// --- Lists of attributes.

TEST(SpanBatchBuilderTest, ListsMayBeBuiltInAnyOrder) {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  builder.AddString("service.name", "shop");
  batch.resources.push_back({{0, 1}, 0, 0});
  builder.AddString("scope", "s");
  batch.scopes.push_back({0, 0, 0, {1, 2}, 0, 0});
  builder.AddInt("first", 1);
  builder.AddBool("of the event", true);
  batch.events.push_back({1, 0, {3, 4}, 0});
  builder.AddInt("second", 2);
  builder.AddBool("of the link", true);
  batch.links.push_back({{}, 1, 0, {5, 6}, 0, 0});
  AddBareRow(&builder, 7);
  AddBareRow(&builder, 8);
  builder.AddInt("third", 3);
  AddBareRow(&builder, 9);
  const SpanBatch done = std::move(builder).Finish();
  EXPECT_EQ(done.attr_begin, (std::vector<uint32_t>{0, 2, 2, 3}));
  EXPECT_EQ(AttrsText(done, {0, 2}), "[first=2:1,second=2:2,]");
  EXPECT_EQ(AttrsText(done, {2, 3}), "[third=2:3,]");
  EXPECT_EQ(done.ServiceName(0), "shop");
  EXPECT_EQ(AttrsText(done, done.scopes[0].attrs), "[scope=0:s,]");
  EXPECT_EQ(AttrsText(done, done.events[0].attrs), "[of the event=1:1,]");
  EXPECT_EQ(AttrsText(done, done.links[0].attrs), "[of the link=1:1,]");
  EXPECT_EQ(done.attrs.size(), 7U);
}

TEST(SpanBatchBuilderTest, WhatWasPushedMayBeCutBack) {
  SpanBatchBuilder builder;
  builder.AddInt("kept", 1);
  AddBareRow(&builder, 1);
  builder.AddInt("rejected", 2);
  builder.batch().events.push_back({1, 0, {1, 2}, 0});
  builder.batch().attrs.resize(1);
  builder.batch().events.clear();
  builder.AddInt("kept", 3);
  AddBareRow(&builder, 2);
  const SpanBatch done = std::move(builder).Finish();
  EXPECT_EQ(AttrsText(done, {done.attr_begin[1], done.attr_begin[2]}), "[kept=2:3,]");
}

TEST(SpanBatchBuilderTest, AnEmptyBatchIsWellFormed) {
  const SpanBatch batch = SpanBatchBuilder().Finish();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.attr_begin.size(), 1U);
  EXPECT_EQ(batch.strings.size(), 1U);
  EXPECT_EQ(batch.strings[0], "");
}

// --- Copies.

TEST(SpanBatchBuilderTest, CopiedRowsAreTheSameRows) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const SpanBatch from = RandomBatch(seed).Make(30);
    SpanBatchBuilder builder;
    for (uint32_t row = 0; row < from.rows(); ++row) builder.CopyRow(from, row);
    const SpanBatch copy = std::move(builder).Finish();
    ASSERT_EQ(copy.rows(), from.rows());
    for (uint32_t row = 0; row < from.rows(); ++row) {
      EXPECT_EQ(RowText(copy, row), RowText(from, row));
    }
  }
}

TEST(SpanBatchBuilderTest, RowsOfManyBatchesAreCopiedInAnyOrder) {
  std::vector<SpanBatch> sources;
  sources.reserve(8);
  for (uint64_t seed = 0; seed < 8; ++seed) sources.push_back(RandomBatch(seed).Make(10));
  std::mt19937_64 random(9);
  SpanBatchBuilder builder;
  std::vector<std::pair<size_t, uint32_t>> rows;
  for (int i = 0; i < 500; ++i) {
    rows.emplace_back(random() % sources.size(), random() % 10);
    builder.CopyRow(sources[rows.back().first], rows.back().second);
  }
  const SpanBatch copy = std::move(builder).Finish();
  for (uint32_t row = 0; row < rows.size(); ++row) {
    ASSERT_EQ(RowText(copy, row), RowText(sources[rows[row].first], rows[row].second));
  }
}

TEST(SpanBatchBuilderTest, EqualResourcesAndScopesAreShared) {
  std::vector<SpanBatch> sources;
  sources.reserve(4);
  for (int i = 0; i < 4; ++i) sources.push_back(RandomBatch(3).Make(20));  // Four times the same.
  std::set<std::string> distinct;
  for (uint32_t i = 0; i < sources[0].scopes.size(); ++i) distinct.insert(ScopeText(sources[0], i));
  SpanBatchBuilder builder;
  for (uint32_t row = 0; row < 20; ++row) {
    for (const SpanBatch& source : sources) builder.CopyRow(source, row);
  }
  const SpanBatch copy = std::move(builder).Finish();
  EXPECT_EQ(copy.scopes.size(), distinct.size());
  EXPECT_LE(copy.resources.size(), sources[0].resources.size());
}

TEST(SpanBatchBuilderTest, ASourceMayDieBeforeTheNextOneTakesItsPlace) {
  // Scope 0 of each source is another one, at the same address.
  SpanBatchBuilder builder;
  SpanBatch source;
  for (const char* name : {"a", "b", "a", "c"}) {
    SpanBatchBuilder maker;
    maker.batch().resources.emplace_back();
    maker.batch().scopes.push_back({0, maker.Intern(name), 0, {}, 0, 0});
    AddBareRow(&maker, 1);
    source = std::move(maker).Finish();
    builder.CopyRow(source, 0);
  }
  const SpanBatch copy = std::move(builder).Finish();
  std::string names;
  for (uint32_t row = 0; row < 4; ++row) names += copy.strings[copy.scopes[copy.scope[row]].name];
  EXPECT_EQ(names, "abac");
  EXPECT_EQ(copy.scopes.size(), 3U);
}

// --- Memory.

TEST(SpanBatchBuilderTest, ColumnsAreTrimmedAndCounted) {
  const SpanBatch batch = RandomBatch(1).Make(1'000);
  EXPECT_EQ(batch.span_id.capacity(), batch.span_id.size());
  EXPECT_EQ(batch.attrs.capacity(), batch.attrs.size());
  EXPECT_EQ(batch.attr_begin.capacity(), batch.attr_begin.size());
  EXPECT_EQ(batch.events.capacity(), batch.events.size());
  const size_t at_least = batch.rows() * (5 * 8 + 7 * 4 + 2) + batch.attrs.size() * 8 +
                          batch.events.size() * sizeof(SpanBatch::Event) +
                          batch.links.size() * sizeof(SpanBatch::Link) +
                          batch.strings.blob().size();
  EXPECT_GE(batch.MemoryBytes(), at_least);
  EXPECT_LE(batch.MemoryBytes(), at_least + at_least / 2 + sizeof(SpanBatch));
}

TEST(SpanBatchBuilderTest, ReservingManyTimesKeepsRoomGrowingGeometrically) {
  SpanBatchBuilder builder;
  size_t moves = 0;
  const void* at = nullptr;
  for (SpanId id = 0; id < 10'000; ++id) {
    builder.Reserve(1);
    AddBareRow(&builder, id);
    if (builder.batch().span_id.data() != at) ++moves;
    at = builder.batch().span_id.data();
  }
  EXPECT_LE(moves, 20U);
}

}  // namespace
}  // namespace tocsin
