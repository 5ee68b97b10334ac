// A segment's footer excludes what is in no row, and nothing that is in one.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

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

std::shared_ptr<const SegmentReader> SegmentOf(const SpanBatch& batch) {
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
  const auto reader =
      SegmentReader::Open(std::make_shared<const SealedSegment>(BuildSegment(input)), 1,
                          std::make_shared<ColumnCache>(size_t{8} << 20));
  EXPECT_TRUE(reader.has_value());
  return *reader;
}

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
      const uint64_t duration = batch.Duration(row);
      EXPECT_TRUE(
          reader->MayMatch(Of(Intrinsic::kStatus), Op::kEqual, Number(Type::kStatus, status)));
      EXPECT_TRUE(reader->MayMatch(Of(Intrinsic::kKind), Op::kEqual, Number(Type::kKind, kind)));
      if (duration > INT64_MAX) continue;
      for (const Op op : {Op::kEqual, Op::kLessEqual, Op::kGreaterEqual}) {
        EXPECT_TRUE(reader->MayMatch(Of(Intrinsic::kDuration), op,
                                     Number(Type::kDuration, static_cast<int64_t>(duration))));
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

}  // namespace
}  // namespace tocsin::storage
