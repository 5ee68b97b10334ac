// A live block shows the chosen rows of several batches as one: coded columns whose codes say what
// the rows of the batches say.

#include "storage/spans/live_block.h"

#include <string>
#include <vector>

#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {
namespace {

using traceql::Column;
using traceql::Value;

// Each row's value as text; "-" where it is absent.
std::vector<std::string> Texts(const Result<std::shared_ptr<const Column>>& column) {
  EXPECT_TRUE(column.has_value());
  std::vector<std::string> texts;
  for (const uint32_t code : (*column)->codes) {
    if (code == 0) {
      texts.emplace_back("-");
      continue;
    }
    const Value& value = (*column)->values[code - 1];
    switch (value.type) {
      case ValueType::kInt:
      case ValueType::kBool:
        texts.push_back(std::to_string(value.integer));
        break;
      case ValueType::kDouble:
        texts.push_back(std::to_string(value.number));
        break;
      default:
        texts.push_back(value.text);
        break;
    }
  }
  return texts;
}

using Strings = std::vector<std::string>;

std::shared_ptr<LiveParts> Parts() {
  auto parts = std::make_shared<LiveParts>();
  parts->Add({MakeBatch({{1, 1, 100, 10, "a"}, {2, 2, 50, 1'000, "b"}, {1, 3, 120, 5, "a"}}), {}});
  parts->Add({MakeBatch({{2, 4, 90, 1, "c"}, {1, 5, 95, 1, "b"}, {3, 6, 99, 1, "a"}}, "pay"),
              {1, 2},
              /*whole=*/false});
  return parts;
}

TEST(LiveBlockTest, PutsTheRowsOfItsPartsEndToEnd) {
  const LiveBlock block(Parts());
  EXPECT_EQ(block.rows(), 5U);
  EXPECT_EQ(block.min_start(), 50U);
  EXPECT_EQ(block.max_end(), 1'050U);
  const auto ids = *block.SpanIds();
  EXPECT_EQ(std::vector<SpanId>(ids.begin(), ids.end()), (std::vector<SpanId>{1, 2, 3, 5, 6}));
  const auto traces = *block.Traces();
  ASSERT_EQ(traces.size(), 3U);
  EXPECT_EQ(traces[2], TraceOf(3));
  const auto rows = *block.TraceOfRow();
  EXPECT_EQ(std::vector<uint32_t>(rows.begin(), rows.end()),
            (std::vector<uint32_t>{0, 1, 0, 0, 2}));
  EXPECT_EQ((*block.Starts())[3], 95U);
  EXPECT_EQ((*block.Ends())[3], 96U);
  EXPECT_EQ((*block.ParentSpanIds())[0], 0U);
  EXPECT_EQ((*block.Kinds())[4], SpanKind::kServer);
  EXPECT_EQ((*block.Statuses())[3], SpanStatus::kError);
}

TEST(LiveBlockTest, ColumnsShareOneDictionary) {
  const LiveBlock block(Parts());
  EXPECT_EQ(Texts(block.Names()), (Strings{"a", "b", "a", "b", "a"}));
  EXPECT_EQ((*block.Names())->values.size(), 2U);
  EXPECT_EQ(Texts(block.StatusMessages()), (Strings{"", "", "", "", ""}));
  EXPECT_EQ(Texts(block.ScopeNames()), Strings(5, "test"));
  EXPECT_EQ(Texts(block.ScopeVersions()), Strings(5, "1.0"));
  EXPECT_EQ(Texts(block.Attribute(AttrScope::kResource, "service.name")),
            (Strings{"shop", "shop", "shop", "pay", "pay"}));
  EXPECT_EQ(Texts(block.Attribute(AttrScope::kSpan, "code")),
            (Strings{"201", "202", "200", "202", "200"}));
  EXPECT_EQ(Texts(block.Attribute(AttrScope::kSpan, "cached")), (Strings{"0", "1", "0", "0", "1"}));
}

TEST(LiveBlockTest, AnAttributeThatNoRowHasIsNull) {
  const LiveBlock block(Parts());
  EXPECT_EQ(*block.Attribute(AttrScope::kSpan, "service.name"), nullptr);
  EXPECT_EQ(*block.Attribute(AttrScope::kResource, "code"), nullptr);
  EXPECT_EQ(*block.Attribute(AttrScope::kEvent, "code"), nullptr);
  EXPECT_EQ(*block.Attribute(AttrScope::kInstrumentation, "code"), nullptr);
  EXPECT_EQ(*block.Attribute(AttrScope::kSpan, ""), nullptr);
}

TEST(LiveBlockTest, EventsBelongToTheRowsOfTheBlock) {
  const LiveBlock block(Parts());
  const auto names = *block.EventNames();
  EXPECT_EQ(names->owner, (std::vector<uint32_t>{2, 4}));
  EXPECT_EQ(Texts(block.EventNames()), (Strings{"exception", "exception"}));
  EXPECT_EQ(Texts(block.EventTimes()), (Strings{"125", "104"}));
  EXPECT_TRUE((*block.LinkTraceIds())->codes.empty());
}

TEST(LiveBlockTest, TheFirstOfTwoEqualKeysCountsAndTypesAreKeptApart) {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  batch.resources.push_back({});
  batch.scopes.push_back({});
  for (SpanId id = 1; id <= 4; ++id) {
    batch.trace.push_back(builder.InternTrace(TraceOf(1)));
    batch.span_id.push_back(id);
    batch.parent_span_id.push_back(0);
    batch.start.push_back(10);
    batch.end.push_back(id == 4 ? 5 : 11);  // The last ends before it starts.
    batch.name.push_back(0);
    batch.kind.push_back(SpanKind::kInternal);
    batch.status.push_back(SpanStatus::kUnset);
    batch.flags.push_back(0);
    batch.scope.push_back(0);
    batch.wire_size.push_back(1);
    if (id == 1) builder.AddString("k", "1");
    if (id == 1) builder.AddInt("k", 1);
    if (id == 2) builder.AddInt("k", 1);
    if (id == 3) builder.AddDouble("k", 1);
    batch.attr_begin.push_back(builder.AttrCount());
    batch.event_begin.push_back(0);
    batch.links.push_back({TraceOf(9), 77, 0, {}, 0, 0});
    batch.link_begin.push_back(static_cast<uint32_t>(batch.links.size()));
  }
  auto parts = std::make_shared<LiveParts>();
  parts->Add({std::make_shared<const SpanBatch>(std::move(builder).Finish()), {}});
  const LiveBlock block(parts);
  EXPECT_EQ(block.max_end(), 11U);
  const auto column = *block.Attribute(AttrScope::kSpan, "k");
  EXPECT_EQ(column->codes, (std::vector<uint32_t>{1, 2, 3, 0}));
  ASSERT_EQ(column->values.size(), 3U);
  EXPECT_EQ(column->values[0].type, ValueType::kString);
  EXPECT_EQ(column->values[1].type, ValueType::kInt);
  EXPECT_EQ(column->values[2].type, ValueType::kDouble);
  EXPECT_EQ(Texts(block.LinkTraceIds()), Strings(4, TraceOf(9).ToBytes()));
  EXPECT_EQ(Texts(block.LinkSpanIds()), Strings(4, SpanIdToBytes(77)));
}

TEST(LiveBlockTest, ATraceIsAppendedInTheOrderOfItsRows) {
  const LiveBlock block(Parts());
  SpanBatchBuilder builder;
  EXPECT_TRUE(block.AppendTrace(TraceOf(1), &builder));
  EXPECT_FALSE(block.AppendTrace(TraceOf(4), &builder));
  const SpanBatch batch = std::move(builder).Finish();
  EXPECT_EQ(batch.span_id, (std::vector<SpanId>{1, 3, 5}));
  EXPECT_EQ(batch.ServiceName(0), "shop");
  EXPECT_EQ(batch.ServiceName(2), "pay");
}

}  // namespace
}  // namespace tocsin::storage
