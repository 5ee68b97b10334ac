// A segment's footer excludes what is in no row, and nothing that is in one.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/model/span_batch_builder.h"
#include "cpp/model/span_duration.h"
#include "storage/spans/segment.h"
#include "tests/unit/columnar/batches.h"

namespace tocsin::storage {
namespace {

using traceql::Field;
using traceql::Intrinsic;
using traceql::Literal;
using traceql::Op;
using traceql::Scope;
using traceql::Type;

SealedSegment Seal(const SpanBatch& batch) {
  std::vector<RowRef> rows;
  for (uint32_t row = 0; row < batch.rows(); ++row) rows.push_back({&batch, row});
  const auto key = [](const RowRef& ref) {
    return std::pair(ref.batch->traces[ref.batch->trace[ref.row]], ref.batch->start[ref.row]);
  };
  std::ranges::stable_sort(rows, {}, key);
  std::vector<uint64_t> through;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || key(rows[i]).first != key(rows[i - 1]).first) through.push_back(1);
  }
  SegmentInput input;
  input.tenant = "t";
  input.rows = rows;
  input.through = through;
  return BuildSegment(input);
}

std::shared_ptr<const SegmentReader> Open(SealedSegment sealed) {
  const auto reader = SegmentReader::Open(std::make_shared<const SealedSegment>(std::move(sealed)),
                                          1, std::make_shared<ColumnCache>(size_t{8} << 20));
  EXPECT_TRUE(reader.has_value());
  return *reader;
}

std::shared_ptr<const SegmentReader> SegmentOf(const SpanBatch& batch) { return Open(Seal(batch)); }

Literal Number(Type type, int64_t value) { return {.type = type, .text = {}, .integer = value}; }
Literal Text(std::string_view text) { return {.type = Type::kString, .text = std::string(text)}; }
Field Attribute(Scope scope, std::string_view name) {
  return {.scope = scope, .name = std::string(name)};
}
Field Of(Intrinsic intrinsic) { return {.intrinsic = intrinsic, .name = {}}; }

void ExpectMayMatch(const SegmentReader& reader, const Field& field, const traceql::Value& value) {
  Literal literal;
  if (value.type == ValueType::kString) {
    literal = Text(value.text);
  } else if (value.type == ValueType::kInt) {
    literal = Number(Type::kInt, value.integer);
  } else if (value.type == ValueType::kDouble && std::isfinite(value.number)) {
    literal = {.type = Type::kFloat, .text = {}, .number = value.number};
  } else {
    return;
  }
  for (const Op op : {Op::kEqual, Op::kLessEqual, Op::kGreaterEqual}) {
    EXPECT_TRUE(reader.MayMatch(field, op, literal)) << field.name << " " << Print(literal);
  }
}

TEST(PruningTest, ExcludesNothingThatIsThere) {
  const std::vector<Scope> scopes = {Scope::kSpan, Scope::kResource, Scope::kEvent, Scope::kLink,
                                     Scope::kInstrumentation};
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const SpanBatch batch = RandomBatch(seed, {.rows = static_cast<uint32_t>(1 + seed * 7)});
    const auto reader = SegmentOf(batch);
    const auto keys = reader->AttributeKeys();
    const auto names = reader->Names();
    ASSERT_TRUE(keys.has_value() && names.has_value());
    for (const traceql::AttributeKey& key : *keys) {
      const auto column = reader->Attribute(key.scope, key.key);
      ASSERT_TRUE(column.has_value());
      for (const traceql::Value& value : (*column)->values) {
        if (key.key.empty()) continue;  // No field has such a name.
        ExpectMayMatch(*reader, Attribute(scopes[static_cast<size_t>(key.scope)], key.key), value);
        ExpectMayMatch(*reader, Attribute(Scope::kAny, key.key), value);
      }
    }
    for (const traceql::Value& value : (*names)->values) {
      ExpectMayMatch(*reader, Of(Intrinsic::kName), value);
    }
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      const auto status = static_cast<int64_t>(batch.status[row]);
      const auto kind = static_cast<int64_t>(batch.kind[row]);
      const int64_t duration = DurationBetween(batch.start[row], batch.end[row]);
      EXPECT_TRUE(
          reader->MayMatch(Of(Intrinsic::kStatus), Op::kEqual, Number(Type::kStatus, status)));
      EXPECT_TRUE(reader->MayMatch(Of(Intrinsic::kKind), Op::kEqual, Number(Type::kKind, kind)));
      for (const Op op : {Op::kEqual, Op::kLessEqual, Op::kGreaterEqual}) {
        EXPECT_TRUE(
            reader->MayMatch(Of(Intrinsic::kDuration), op, Number(Type::kDuration, duration)));
      }
    }
  }
}

TEST(PruningTest, ExcludesWhatIsNowhere) {
  const auto reader = SegmentOf(RealisticBatch(3, 2'000));
  const Field service = Attribute(Scope::kResource, "service.name");
  EXPECT_FALSE(reader->MayMatch(Attribute(Scope::kAny, "no.such.key"), Op::kEqual, Text("x")));
  EXPECT_FALSE(reader->MayMatch(Attribute(Scope::kSpan, "service.name"), Op::kRegex, Text(".*")));
  EXPECT_FALSE(reader->MayMatch(service, Op::kEqual, Text("no such service")));
  EXPECT_FALSE(reader->MayMatch(Of(Intrinsic::kName), Op::kEqual, Text("no such name")));
  EXPECT_FALSE(
      reader->MayMatch(Of(Intrinsic::kDuration), Op::kGreater, Number(Type::kDuration, INT64_MAX)));
  EXPECT_FALSE(reader->MayMatch(Of(Intrinsic::kStatus), Op::kEqual, Number(Type::kStatus, 77)));
  // What is absent may be nil, and different from anything.
  EXPECT_TRUE(reader->MayMatch(Attribute(Scope::kAny, "no.such.key"), Op::kEqual, Literal()));
  EXPECT_TRUE(reader->MayMatch(Attribute(Scope::kAny, "no.such.key"), Op::kNotEqual, Text("x")));
  Field of_parent = service;
  of_parent.of_parent = true;
  EXPECT_TRUE(reader->MayMatch(of_parent, Op::kEqual, Text("no such service")));
}

// Spans with more distinct values than a footer lists, and more keys than have columns.
SpanBatch ManyValues() {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  batch.resources.emplace_back();
  batch.scopes.emplace_back();
  for (uint32_t i = 0; i < 3'000; ++i) {
    const std::string number = std::to_string(i);
    builder.AddString("user.id", "user-" + number);
    builder.AddInt("order", 1'000 * int64_t{i});
    // The first 256 of them have columns.
    const std::string key = "key" + std::to_string(i % 500);
    for (int once = i % 500 < 256 ? 2 : 1; once > 0; --once) builder.AddString(key, "v" + number);
    if (i % 500 == 400) builder.AddInt(key, i);
    if (i % 500 == 401) builder.AddDouble(key, i);
    batch.trace.push_back(builder.InternTrace({.high = i + 1, .low = 7}));
    batch.span_id.push_back(i + 1);
    batch.parent_span_id.push_back(0);
    batch.start.push_back(i);
    batch.end.push_back(i + 5);
    batch.name.push_back(builder.Intern("name " + number));
    batch.kind.push_back(SpanKind::kServer);
    batch.status.push_back(SpanStatus::kUnset);
    batch.flags.push_back(0);
    batch.scope.push_back(0);
    batch.wire_size.push_back(100);
    batch.attr_begin.push_back(builder.AttrCount());
    batch.event_begin.push_back(0);
    batch.link_begin.push_back(0);
  }
  return std::move(builder).Finish();
}

// Of a thousand literals those that are not excluded.
template <class MakeLiteral>
int MayMatch(const SegmentReader& reader, const Field& field, const MakeLiteral& make) {
  int may = 0;
  for (int i = 0; i < 1'000; ++i) may += reader.MayMatch(field, Op::kEqual, make(i)) ? 1 : 0;
  return may;
}

TEST(PruningTest, ValuesThatAreNotListedAreInTheFilter) {
  const auto reader = SegmentOf(ManyValues());
  const auto text = [](const std::string& prefix, int first) {
    return [=](int i) { return Text(prefix + std::to_string(first + i)); };
  };
  const auto number = [](int64_t first, int64_t step) {
    return [=](int i) { return Number(Type::kInt, first + step * i); };
  };
  constexpr int kWrong = 40;  // Of a thousand; ten are to be expected.
  for (const Scope scope : {Scope::kSpan, Scope::kAny}) {
    EXPECT_EQ(MayMatch(*reader, Attribute(scope, "user.id"), text("user-", 0)), 1'000);
    EXPECT_LT(MayMatch(*reader, Attribute(scope, "user.id"), text("user-", 3'000)), kWrong);
    EXPECT_EQ(MayMatch(*reader, Attribute(scope, "order"), number(0, 1'000)), 1'000);
    EXPECT_LT(MayMatch(*reader, Attribute(scope, "order"), number(1, 1'000)), kWrong);
  }
  EXPECT_EQ(MayMatch(*reader, Of(Intrinsic::kName), text("name ", 0)), 1'000);
  EXPECT_LT(MayMatch(*reader, Of(Intrinsic::kName), text("name ", 3'000)), kWrong);
  EXPECT_LT(MayMatch(*reader, Attribute(Scope::kResource, "user.id"), text("user-", 0)), 1);
}

TEST(PruningTest, WhatSharesAColumnIsInTheFilterToo) {
  const auto reader = SegmentOf(ManyValues());
  const auto may = [&](std::string_view key, Op op, const Literal& literal) {
    return reader->MayMatch(Attribute(Scope::kAny, key), op, literal);
  };
  EXPECT_TRUE(may("key450", Op::kEqual, Text("v950")));
  EXPECT_FALSE(may("key450", Op::kEqual, Text("v951")));
  EXPECT_TRUE(may("key450", Op::kGreater, Text("v951")));
  EXPECT_FALSE(may("key500", Op::kGreater, Text("v951")));
  // Of several types each is looked up, and what the filter has no values of excludes nothing.
  EXPECT_TRUE(may("key400", Op::kEqual, Number(Type::kInt, 900)));
  EXPECT_TRUE(may("key401", Op::kEqual, Number(Type::kInt, 12'345)));
  EXPECT_TRUE(may("key450", Op::kEqual, Number(Type::kInt, 12'345)));
}

TEST(PruningTest, ListsOfTextsWrittenAsRegularExpressionsAreLookedUp) {
  const auto reader = SegmentOf(ManyValues());
  const auto may = [&](std::string_view regex) {
    return reader->MayMatch(Attribute(Scope::kSpan, "user.id"), Op::kRegex, Text(regex));
  };
  EXPECT_TRUE(may("nobody|user-17"));
  EXPECT_TRUE(may("user\\-17"));
  EXPECT_FALSE(may("nobody|no\\.one"));
  EXPECT_TRUE(may("nobody|no.one"));
  EXPECT_TRUE(may("nobody.*"));
  EXPECT_TRUE(may("nobody\\d"));
}

TEST(PruningTest, TraceIdsAreLookedUp) {
  const auto reader = SegmentOf(ManyValues());
  const auto may = [&](const TraceId& id) {
    return reader->MayMatch(Of(Intrinsic::kTraceId), Op::kEqual, Text(id.ToHex()));
  };
  EXPECT_TRUE(may({.high = 12, .low = 7}));
  EXPECT_FALSE(may({.high = 12, .low = 8}));
}

TEST(PruningTest, ADamagedFilterExcludesNothing) {
  SealedSegment sealed = Seal(ManyValues());
  // Its pages are the last values.
  sealed.values.back()[100] = static_cast<char>(sealed.values.back()[100] ^ 1);
  const auto reader = Open(std::move(sealed));
  const Field user = Attribute(Scope::kSpan, "user.id");
  int damaged = 0;
  for (int i = 0; i < 1'000; ++i) {
    const Literal absent = Text("nobody" + std::to_string(i));
    const auto looks = reader->LooksToMatch(user, Op::kEqual, absent);
    if (looks.has_value()) continue;
    ++damaged;
    EXPECT_EQ(looks.error().code(), StatusCode::kCorruption);
    EXPECT_TRUE(reader->MayMatch(user, Op::kEqual, absent));
  }
  EXPECT_GT(damaged, 0);
}

}  // namespace
}  // namespace tocsin::storage
