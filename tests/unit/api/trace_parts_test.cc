// Parts of a trace: what a filter leaves, what pruning makes of it, and its short form.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/api/trace_compact_json.h"
#include "cpp/api/trace_filter.h"
#include "cpp/api/trace_pruning.h"
#include "cpp/lib/json.h"
#include "cpp/traceql/parser.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using traceql::Family;
using traceql::MakeBatch;
using traceql::Span;
using traceql::TestSpan;

std::vector<SpanId> Filtered(std::string_view query, int64_t ancestors = 0,
                             int64_t descendants = 0) {
  const Result<traceql::Query> parsed = traceql::Parse(query);
  EXPECT_TRUE(parsed.has_value());
  const Result<traceql::Spanset> matches = SpanFilterOf(*parsed);
  EXPECT_TRUE(matches.has_value());
  const Result<SpanBatch> left =
      FilterSpans(std::make_shared<const SpanBatch>(MakeBatch(Family())),
                  {.matches = *matches, .ancestors = ancestors, .descendants = descendants});
  EXPECT_TRUE(left.has_value());
  return left->span_id;
}

TEST(TraceFilterTest, KeepsWhatMatchesAndItsSurroundings) {
  EXPECT_THAT(Filtered("{ }"), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(Filtered("{ status = error }"), ElementsAre(2));
  EXPECT_THAT(Filtered("{ span.x = -7 }"), ElementsAre(4));
  EXPECT_THAT(Filtered("{ span.x = -7 }", 1), ElementsAre(2, 4));
  EXPECT_THAT(Filtered("{ span.x = -7 }", kAllLevels), ElementsAre(1, 2, 4));
  EXPECT_THAT(Filtered("{ span:id = \"1\" }", 0, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(Filtered("{ span:id = \"1\" }", 0, kAllLevels), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Filtered("{ status = error }", kAllLevels, kAllLevels), ElementsAre(1, 2, 4));
  EXPECT_THAT(Filtered("{ name = \"none\" }", kAllLevels, kAllLevels), IsEmpty());
}

TEST(TraceFilterTest, EndsInACircle) {
  std::vector<TestSpan> circle = {Span(1, 1, 2, 0, 1), Span(1, 2, 1, 0, 1), Span(1, 3, 3, 0, 1)};
  const Result<traceql::Spanset> matches = SpanFilterOf(*traceql::Parse("{ span:id = \"1\" }"));
  const Result<SpanBatch> left =
      FilterSpans(std::make_shared<const SpanBatch>(MakeBatch(circle)),
                  {.matches = *matches, .ancestors = kAllLevels, .descendants = kAllLevels});
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(left->span_id, ElementsAre(1, 2));
}

TEST(TraceFilterTest, RefusesWhatIsNoFilterOfSpans) {
  for (const char* query :
       {"{ } | count() > 1", "{ } >> { }", "{ } && { }", "{ } | rate()", "{ rootName = `x` }",
        "{ traceDuration > 1s }", "{ span:childCount > 1 }", "{ parent.name = `x` }"}) {
    const Result<traceql::Query> parsed = traceql::Parse(query);
    if (!parsed) continue;  // No part of the language: refused before.
    EXPECT_EQ(SpanFilterOf(*parsed).error().code(), StatusCode::kInvalidArgument) << query;
  }
}

std::vector<TestSpan> Alike(int count) {
  std::vector<TestSpan> spans = {Span(1, 1000, 0, 10, 100)};
  for (int i = 0; i < count; ++i) {
    TestSpan leaf = Span(1, static_cast<SpanId>(i + 1), 1000, 10 + static_cast<uint64_t>(i),
                         static_cast<uint64_t>(i + 1) * traceql::kMs);
    leaf.name = "SELECT";
    leaf.attrs = {{"db.system", i % 2 == 0 ? "mysql" : "redis"}, {"row", int64_t{i}}};
    spans.push_back(leaf);
  }
  return spans;
}

TEST(TracePruningTest, LeavesThatAreAlikeBecomeOne) {
  bool pruned = false;
  const SpanBatch batch = PruneSpans(MakeBatch(Alike(10)), {}, &pruned);
  EXPECT_TRUE(pruned);
  ASSERT_EQ(batch.rows(), 2U);
  EXPECT_EQ(batch.parent_span_id[1], 1000U);
  EXPECT_EQ(batch.start[1], 10U);
  EXPECT_EQ(batch.end[1], 19 + 10 * traceql::kMs);
  std::map<std::string, int64_t> numbers;
  for (uint32_t i = batch.attr_begin[1]; i < batch.attr_begin[2]; ++i) {
    const SpanBatch::Key& key = batch.keys[batch.attrs[i].key];
    if (key.type == ValueType::kInt) {
      numbers[std::string(batch.strings[key.name])] = batch.ints[batch.attrs[i].value];
    }
  }
  EXPECT_EQ(numbers["aggregation.span_count"], 10);
  EXPECT_EQ(numbers["aggregation.duration_min_ns"], 1'000'000);
  EXPECT_EQ(numbers["aggregation.duration_max_ns"], 10'000'000);
  EXPECT_EQ(numbers["aggregation.duration_avg_ns"], 5'500'000);
  EXPECT_EQ(numbers["aggregation.duration_total_ns"], 55'000'000);
  EXPECT_EQ(numbers["row"], 9) << "the slowest one is the model";
}

TEST(TracePruningTest, IsTheSameEveryTimeAndDoneOnce) {
  bool pruned = false;
  const SpanBatch once = PruneSpans(MakeBatch(Alike(10)), {}, &pruned);
  const SpanBatch again = PruneSpans(MakeBatch(Alike(10)), {}, &pruned);
  EXPECT_EQ(once.span_id, again.span_id);
  const SpanBatch twice = PruneSpans(once, {.min_spans = 2}, &pruned);
  EXPECT_FALSE(pruned);
  EXPECT_EQ(twice.span_id, once.span_id);
}

TEST(TracePruningTest, FewerAndDifferentOnesStay) {
  bool pruned = true;
  EXPECT_EQ(PruneSpans(MakeBatch(Alike(4)), {}, &pruned).rows(), 5U);
  EXPECT_FALSE(pruned);
  EXPECT_EQ(PruneSpans(MakeBatch(Alike(20)), {.group_by = {"db.*"}}, &pruned).rows(), 3U);
  EXPECT_EQ(PruneSpans(MakeBatch(Alike(20)), {.group_by = {"row"}}, &pruned).rows(), 21U);
  EXPECT_EQ(PruneSpans(SpanBatch{}, {}, &pruned).rows(), 0U);
}

TEST(TracePruningTest, ParentsFollowLevelByLevel) {
  std::vector<TestSpan> spans = {Span(1, 1, 0, 0, 100)};
  for (SpanId i = 0; i < 6; ++i) {
    TestSpan outer = Span(1, 100 + i, 1, 0, 50);
    outer.name = "outer";
    TestSpan inner = Span(1, 200 + i, 100 + i, 0, 40);
    inner.name = "inner";
    TestSpan leaf = Span(1, 300 + i, 200 + i, 0, 30);
    leaf.name = "leaf";
    spans.insert(spans.end(), {outer, inner, leaf});
  }
  bool pruned = false;
  EXPECT_EQ(PruneSpans(MakeBatch(spans), {.max_parent_depth = 0}, &pruned).rows(), 14U);
  EXPECT_EQ(PruneSpans(MakeBatch(spans), {.max_parent_depth = 1}, &pruned).rows(), 9U);
  const SpanBatch all = PruneSpans(MakeBatch(spans), {.max_parent_depth = -1}, &pruned);
  ASSERT_EQ(all.rows(), 4U);
  EXPECT_EQ(all.parent_span_id[0], 0U);
  EXPECT_EQ(all.parent_span_id[1], 1U);
  EXPECT_EQ(all.parent_span_id[2], all.span_id[1]);
  EXPECT_EQ(all.parent_span_id[3], all.span_id[2]);
}

TEST(TraceCompactJsonTest, IsPlainJson) {
  const std::string text =
      EncodeTraceCompact(MakeBatch(Family()), {.partial = true, .message = {}});
  const Result<lib::Json> json = lib::Json::Parse(text);
  ASSERT_TRUE(json.has_value()) << text;
  const lib::Json& trace = *json->Find("trace");
  EXPECT_EQ(trace.Find("traceId")->string, "00000000000000000000000000000001");
  const lib::Json& frontend = trace.Find("services")->array[0];
  EXPECT_EQ(frontend.Find("serviceName")->string, "frontend");
  EXPECT_EQ(frontend.Find("resource")->Find("cluster")->string, "app-cluster");
  EXPECT_EQ(frontend.Find("resource")->Find("service.name"), nullptr);
  const lib::Json& root = frontend.Find("scopes")->array[0].Find("spans")->array[0];
  EXPECT_EQ(root.Find("name")->string, "GET /");
  EXPECT_EQ(root.Find("durationMs")->number, 5000);
  EXPECT_EQ(root.Find("attributes")->Find("http.status_code")->integer, 500);
  EXPECT_EQ(root.Find("attributes")->Find("ok")->boolean, true);
  EXPECT_EQ(json->Find("status")->string, "PARTIAL");
  const lib::Json& backend = trace.Find("services")->array[2];
  const lib::Json& values =
      *backend.Find("scopes")->array[0].Find("spans")->array[0].Find("attributes");
  ASSERT_EQ(values.Find("tags")->array.size(), 2U);
  EXPECT_EQ(values.Find("tags")->array[0].string, "red");
  EXPECT_EQ(values.Find("sizes")->array[1].number, 2.5);
  EXPECT_TRUE(values.Find("empty")->array.empty());
}

TEST(TraceCompactJsonTest, NothingIsNothing) {
  EXPECT_EQ(EncodeTraceCompact(SpanBatch{}, {}), "{}");
}

}  // namespace
}  // namespace tocsin::api
