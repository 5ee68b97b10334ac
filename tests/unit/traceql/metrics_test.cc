// Metrics functions on spans whose answers were computed by hand.

#include "cpp/traceql/metrics.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

using Blocks = std::vector<std::vector<TestSpan>>;

TestSpan At(uint64_t trace, uint64_t start, uint64_t duration, std::string service) {
  TestSpan span = Span(trace, trace * 100 + start % 97, 0, start, duration);
  span.resource = {{"service.name", std::move(service)}};
  return span;
}

// Spans at and around the bounds of intervals; the first and the last are outside the range.
std::vector<TestSpan> AtBounds() {
  return {At(1, 90 * kSec, kSec, "a"),       At(2, 90 * kSec + 1, kSec, "a"),
          At(3, 100 * kSec, 2 * kSec, "a"),  At(4, 100 * kSec + 1, 4 * kSec, "b"),
          At(5, 105 * kSec, 6 * kSec, "a"),  At(6, 110 * kSec, kSec, "a"),
          At(7, 130 * kSec, 500 * kMs, "a"), At(8, 130 * kSec + 1, kSec, "a")};
}

// The same spans in one block, one to a block, and with every trace split between two blocks.
std::vector<Blocks> Layouts(const std::vector<TestSpan>& spans) {
  std::vector<Blocks> layouts = {{spans}};
  Blocks single;
  for (const TestSpan& span : spans) single.push_back({span});
  layouts.push_back(single);
  Blocks halves(2);
  for (size_t i = 0; i < spans.size(); ++i) halves[i % 2].push_back(spans[i]);
  layouts.push_back(halves);
  Blocks twice = {spans, spans};  // Every span received twice.
  layouts.push_back(twice);
  return layouts;
}

void ExpectEverywhere(const std::vector<TestSpan>& spans, std::string_view query,
                      const Shown& expected, const MetricsOptions& options = ThirtySeconds()) {
  for (const Blocks& blocks : Layouts(spans)) {
    EXPECT_EQ(Show(Evaluate(LayoutView(blocks), query, options)), expected)
        << query << " in " << blocks.size() << " blocks";
    EXPECT_EQ(Show(Evaluate(FakeView(blocks), query, options)), expected)
        << query << " in " << blocks.size() << " blocks that know nothing";
  }
}

TEST(MetricsTest, SpansCountWhereTheyStart) {
  ExpectEverywhere(AtBounds(), "{ } | count_over_time()",
                   {{"__name__=\"count_over_time\"", {2, 3, 0, 1}}});
}

TEST(MetricsTest, RatesArePerSecond) {
  ExpectEverywhere(AtBounds(), "{ } | rate()", {{"__name__=\"rate\"", {0.2, 0.3, 0, 0.1}}});
}

TEST(MetricsTest, GroupsAreSeries) {
  ExpectEverywhere(AtBounds(), "{ } | count_over_time() by (resource.service.name)",
                   {{"resource.service.name=\"a\"", {2, 2, 0, 1}},
                    {"resource.service.name=\"b\"", {0, 1, 0, 0}}});
}

TEST(MetricsTest, ConditionsApply) {
  ExpectEverywhere(AtBounds(), "{ duration >= 2s } | count_over_time() by (.service.name)",
                   {{".service.name=\"a\"", {1, 1, 0, 0}}, {".service.name=\"b\"", {0, 1, 0, 0}}});
}

TEST(MetricsTest, DurationsAreSeconds) {
  const std::vector<TestSpan> spans = AtBounds();
  ExpectEverywhere(spans, "{ } | max_over_time(duration)",
                   {{"__name__=\"max_over_time\"", {2, 6, kAbsent, 0.5}}});
  ExpectEverywhere(spans, "{ } | min_over_time(duration)",
                   {{"__name__=\"min_over_time\"", {1, 1, kAbsent, 0.5}}});
  ExpectEverywhere(spans, "{ } | sum_over_time(duration)",
                   {{"__name__=\"sum_over_time\"", {3, 11, kAbsent, 0.5}}});
  ExpectEverywhere(spans, "{ } | avg_over_time(duration)",
                   {{"__name__=\"avg_over_time\"", {1.5, 11.0 / 3, kAbsent, 0.5}}});
}

TEST(MetricsTest, HistogramsCountByBucket) {
  // Powers of two of nanoseconds: 1 s lies below 2^30, 2 s below 2^31, 4 s below 2^32, 6 s below
  // 2^33, 0.5 s below 2^29.
  ExpectEverywhere(AtBounds(), "{ } | histogram_over_time(duration)",
                   {{"__bucket=0.536871", {0, 0, 0, 1}},
                    {"__bucket=1.073742", {1, 1, 0, 0}},
                    {"__bucket=2.147484", {1, 0, 0, 0}},
                    {"__bucket=4.294967", {0, 1, 0, 0}},
                    {"__bucket=8.589935", {0, 1, 0, 0}}});
}

TEST(MetricsTest, QuantilesAreLabelled) {
  // 2 ns and 4 ns stand at the bounds of their buckets.
  const std::vector<TestSpan> spans = {At(1, 95 * kSec, 2, "a"), At(2, 95 * kSec, 4, "a"),
                                       At(3, 95 * kSec, 1, "a"), At(4, 115 * kSec, 4, "b")};
  ExpectEverywhere(spans, "{ } | quantile_over_time(duration, .5, 1) by (resource.service.name)",
                   {{"resource.service.name=\"a\", p=0.5", {2e-9, 0, 0, 0}},
                    {"resource.service.name=\"a\", p=1.0", {4e-9, 0, 0, 0}},
                    {"resource.service.name=\"b\", p=0.5", {0, 0, 4e-9, 0}},
                    {"resource.service.name=\"b\", p=1.0", {0, 0, 4e-9, 0}}});
  ExpectEverywhere(spans, "{ duration > 2ns } | quantile_over_time(duration, .9)",
                   {{"p=0.9", {4e-9, 0, 4e-9, 0}}});
}

// 1, "1", 1.0 and true are four values, and what has none of them is a fifth.
std::vector<TestSpan> MixedTypes() {
  std::vector<TestSpan> spans;
  const std::vector<Attrs> attributes = {{{"v", int64_t{1}}}, {{"v", "1"}}, {{"v", 1.0}},
                                         {{"v", true}},       {},           {{"w", int64_t{7}}}};
  for (size_t i = 0; i < attributes.size(); ++i) {
    spans.push_back(At(i + 1, 95 * kSec + i, kSec, "a"));
    spans.back().attrs = attributes[i];
  }
  return spans;
}

TEST(MetricsTest, LabelsKeepTheirTypes) {
  ExpectEverywhere(MixedTypes(), "{ } | count_over_time() by (span.v)",
                   {{"span.v=1", {1, 0, 0, 0}},
                    {"span.v=\"1\"", {1, 0, 0, 0}},
                    {"span.v=1.0", {1, 0, 0, 0}},
                    {"span.v=true", {1, 0, 0, 0}},
                    {"span.v=\"nil\"", {2, 0, 0, 0}}});
}

TEST(MetricsTest, OfSeveralFieldsTheAbsentGiveNoLabel) {
  ExpectEverywhere(MixedTypes(),
                   "{ span.v = 1 || span.v = nil } | count_over_time() by (span.v, span.w)",
                   {{"span.v=1", {1, 0, 0, 0}},
                    {"span.v=1.0", {1, 0, 0, 0}},
                    {"span.v=\"nil\"", {1, 0, 0, 0}},
                    {"span.w=7", {1, 0, 0, 0}}});
}

TEST(MetricsTest, OnlyNumbersAreMeasured) {
  ExpectEverywhere(MixedTypes(), "{ } | sum_over_time(span.v)",
                   {{"__name__=\"sum_over_time\"", {2, kAbsent, kAbsent, kAbsent}}});
  ExpectEverywhere(MixedTypes(), "{ } | max_over_time(span.nowhere)", {});
  ExpectEverywhere(MixedTypes(), "{ } | histogram_over_time(span.w)",
                   {{"__bucket=8.0", {1, 0, 0, 0}}});
}

TEST(MetricsTest, InfiniteValuesCount) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<TestSpan> spans = {At(1, 95 * kSec, kSec, "a"), At(2, 96 * kSec, kSec, "a"),
                                 At(3, 105 * kSec, kSec, "a"), At(4, 106 * kSec, kSec, "a")};
  spans[0].attrs = {{"x", kInfinity}};
  spans[1].attrs = {{"x", 1.0}};
  spans[2].attrs = {{"x", 1.0}};
  spans[3].attrs = {{"x", 2.0}};
  ExpectEverywhere(spans, "{ } | sum_over_time(span.x)",
                   {{"__name__=\"sum_over_time\"", {kInfinity, 3, kAbsent, kAbsent}}});
  ExpectEverywhere(spans, "{ } | avg_over_time(span.x)",
                   {{"__name__=\"avg_over_time\"", {kInfinity, 1.5, kAbsent, kAbsent}}});
}

TEST(MetricsTest, TheOrderOfLabelsIsThatOfTheQuery) {
  TestSpan span = At(1, 95 * kSec, 1'500 * kMs, "a");
  span.kind = SpanKind::kServer;
  span.status = SpanStatus::kError;
  span.name = "GET /";
  ExpectEverywhere(
      {span}, "{ } | count_over_time() by (status, kind, name, duration)",
      {{"status=\"error\", kind=\"server\", name=\"GET /\", duration=\"1.5s\"", {1, 0, 0, 0}}});
}

TEST(MetricsTest, GroupsOfWhatOnlyTheTraceTells) {
  TestSpan root = Span(1, 1, 0, 95 * kSec, 3 * kSec);
  root.name = "root";
  root.resource = {{"service.name", "front"}};
  TestSpan child = Span(1, 2, 1, 115 * kSec, kSec);
  TestSpan orphan = Span(2, 3, 77, 115 * kSec, kSec);
  ExpectEverywhere({root, child, orphan}, "{ } | count_over_time() by (rootName)",
                   {{"rootName=\"root\"", {1, 0, 1, 0}}, {"rootName=\"nil\"", {0, 0, 1, 0}}});
  ExpectEverywhere({root, child, orphan}, "{ } | max_over_time(traceDuration)",
                   {{"__name__=\"max_over_time\"", {21, kAbsent, 21, kAbsent}}});
}

TEST(MetricsTest, OfEventsTheFirstCounts) {
  TestSpan span = At(1, 95 * kSec, kSec, "a");
  span.events = {{95 * kSec, "first", {{"n", int64_t{4}}}},
                 {95 * kSec, "second", {{"n", int64_t{8}}}}};
  ExpectEverywhere({span}, "{ } | max_over_time(event.n) by (event:name)",
                   {{"event:name=\"first\"", {4, kAbsent, kAbsent, kAbsent}}});
}

TEST(MetricsTest, CombinedSpansetsCountEachSpanOnce) {
  TestSpan root = Span(1, 1, 0, 95 * kSec, 3 * kSec);
  TestSpan child = Span(1, 2, 1, 115 * kSec, kSec);
  TestSpan lonely = Span(2, 3, 0, 115 * kSec, kSec);
  ExpectEverywhere({root, child, lonely},
                   "{ duration > 2s } && { duration < 2s } | count_over_time()",
                   {{"__name__=\"count_over_time\"", {1, 0, 1, 0}}});
}

TEST(MetricsTest, NoSpansAreZeroInEveryIntervalAndNoGroup) {
  ExpectEverywhere(AtBounds(), "{ name = `nothing` } | rate()",
                   {{"__name__=\"rate\"", {0, 0, 0, 0}}});
  ExpectEverywhere(AtBounds(), "{ name = `nothing` } | rate() by (name)", {});
  EXPECT_EQ(Show(Evaluate(FakeView({}), "{ } | count_over_time()", ThirtySeconds())),
            (Shown{{"__name__=\"count_over_time\"", {0, 0, 0, 0}}}));
}

TEST(MetricsTest, AnInstantQueryHasOneValue) {
  MetricsOptions options = ThirtySeconds();
  options.instant = true;
  options.start = 90 * kSec;  // Both ends count.
  options.exemplars = 10;
  ExpectEverywhere(AtBounds(), "{ } | count_over_time()", {{"__name__=\"count_over_time\"", {7}}},
                   options);
  ExpectEverywhere(AtBounds(), "{ } | rate()", {{"__name__=\"rate\"", {7.0 / 40}}}, options);
  const MetricsResult result = Evaluate(FakeView({AtBounds()}), "{ } | rate()", options);
  EXPECT_EQ(result.timestamps_ms, std::vector<int64_t>{130'000});
  EXPECT_TRUE(result.series[0].exemplars.empty());
}

TEST(MetricsTest, SecondStagesSeeEveryPoint) {
  ExpectEverywhere(AtBounds(), "{ } | count_over_time() by (resource.service.name) | topk(1)",
                   {{"resource.service.name=\"a\"", {2, 2, 0, 1}}});
  ExpectEverywhere(AtBounds(), "{ } | count_over_time() by (resource.service.name) | bottomk(1)",
                   {{"resource.service.name=\"a\"", {kAbsent, kAbsent, 0, kAbsent}},
                    {"resource.service.name=\"b\"", {0, 1, kAbsent, 0}}});
  ExpectEverywhere(AtBounds(), "{ } | count_over_time() by (resource.service.name) > 1",
                   {{"resource.service.name=\"a\"", {2, 2, kAbsent, kAbsent}}});
  ExpectEverywhere(AtBounds(), "{ } | max_over_time(duration) > 1",
                   {{"__name__=\"max_over_time\"", {2, 6, kAbsent, kAbsent}}});
}

TEST(MetricsTest, ErrorRatios) {
  std::vector<TestSpan> spans = AtBounds();
  spans[2].status = SpanStatus::kError;
  ExpectEverywhere(spans,
                   "({ status = error } | rate() by (resource.service.name)) / "
                   "({ } | rate() by (resource.service.name))",
                   {{"resource.service.name=\"a\"", {0.5, 0, kAbsent, 0}}});
  ExpectEverywhere(spans, "({ status = error } | count_over_time()) * 100 / ({ } | rate())",
                   {{"__name__=\"(count_over_time / rate)\"", {500, 0, kAbsent, 0}}});
  ExpectEverywhere(spans, "1 - ({ } | count_over_time())",
                   {{"__name__=\"count_over_time\"", {-1, -2, 1, 0}}});
}

TEST(MetricsTest, SampledSpansStandForOthersIfAsked) {
  std::vector<TestSpan> spans = AtBounds();
  SpanBatch batch = MakeBatch(spans);
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    SpanBatch::Extra extra;
    extra.row = row;
    extra.trace_state = batch.strings.Append("ot=th:8");  // One in two.
    batch.extras.push_back(extra);
  }
  class View final : public SpanView {
   public:
    explicit View(SpanBatch batch)
        : batch_(std::make_shared<const SpanBatch>(std::move(batch))),
          block_({std::make_shared<const BatchBlock>(batch_)}) {}
    std::span<const std::shared_ptr<const SpanBlock>> blocks() const override { return block_; }
    Result<SpanBatch> Trace(const TraceId& id) const override {
      SpanBatchBuilder builder;
      for (uint32_t row = 0; row < batch_->rows(); ++row) {
        if (batch_->traces[batch_->trace[row]] == id) builder.CopyRow(*batch_, row);
      }
      return std::move(builder).Finish();
    }

   private:
    std::shared_ptr<const SpanBatch> batch_;
    std::vector<std::shared_ptr<const SpanBlock>> block_;
  };
  const View view(std::move(batch));
  EXPECT_EQ(Show(Evaluate(view, "{ } | count_over_time() with(extrapolate=true)", ThirtySeconds())),
            (Shown{{"__name__=\"count_over_time\"", {4, 6, 0, 2}}}));
  EXPECT_EQ(
      Show(Evaluate(view, "{ } | sum_over_time(duration) with(extrapolate=true)", ThirtySeconds())),
      (Shown{{"__name__=\"sum_over_time\"", {6, 22, kAbsent, 1}}}));
  EXPECT_EQ(
      Show(Evaluate(view, "{ } | max_over_time(duration) with(extrapolate=true)", ThirtySeconds())),
      (Shown{{"__name__=\"max_over_time\"", {2, 6, kAbsent, 0.5}}}));
  EXPECT_EQ(Show(Evaluate(view, "{ } | count_over_time()", ThirtySeconds())),
            (Shown{{"__name__=\"count_over_time\"", {2, 3, 0, 1}}}));
}

TEST(MetricsTest, HintsThatSampleChangeNothing) {
  for (const char* hint : {"sample=true", "sample=0.1", "span_sample=0.5", "trace_sample=0.5",
                           "extrapolate=false", "most_recent=true"}) {
    ExpectEverywhere(AtBounds(), std::string("{ } | count_over_time() with(") + hint + ")",
                     {{"__name__=\"count_over_time\"", {2, 3, 0, 1}}});
  }
}

TEST(MetricsTest, TooManySeriesAreCutToTheLargest) {
  std::vector<TestSpan> spans = AtBounds();
  spans.push_back(At(20, 95 * kSec, kSec, "c"));
  spans.push_back(At(21, 95 * kSec, kSec, "c"));
  MetricsOptions options = ThirtySeconds();
  options.max_series = 2;
  const MetricsResult result =
      Evaluate(FakeView({spans}), "{ } | count_over_time() by (resource.service.name)", options);
  EXPECT_EQ(Show(result), (Shown{{"resource.service.name=\"a\"", {2, 2, 0, 1}},
                                 {"resource.service.name=\"c\"", {2, 0, 0, 0}}}));
  EXPECT_NE(result.partial.find("maximum series limit of 2"), std::string::npos);
  options.max_series = 3;
  EXPECT_EQ(
      Evaluate(FakeView({spans}), "{ } | count_over_time() by (resource.service.name)", options)
          .partial,
      "");
}

TEST(MetricsTest, MemoryIsBounded) {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 500; ++i)
    spans.push_back(At(i, 95 * kSec, kSec, "s" + std::to_string(i)));
  MetricsOptions options = ThirtySeconds();
  options.max_memory = 20'000;
  for (const char* query : {"{ } | rate() by (resource.service.name)",
                            "{ } | max_over_time(duration) by (resource.service.name)",
                            "{ } | compare({ duration > 1s })"}) {
    const auto result = TryEvaluate(LayoutView({spans}), query, options);
    ASSERT_FALSE(result.has_value()) << query;
    EXPECT_EQ(result.error().code(), StatusCode::kResourceExhausted) << query;
  }
  EXPECT_TRUE(TryEvaluate(LayoutView({spans}), "{ } | rate()", options).has_value());
}

TEST(MetricsTest, AllQueriesShareTheirMemory) {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 500; ++i)
    spans.push_back(At(i, 95 * kSec, kSec, "s" + std::to_string(i)));
  MemoryPool memory(1 << 20);
  MetricsOptions options = ThirtySeconds();
  options.memory = &memory;
  const char* query = "{ } | rate() by (resource.service.name)";
  EXPECT_TRUE(TryEvaluate(LayoutView({spans}), query, options).has_value());
  EXPECT_EQ(memory.used(), 0U);
  {
    MemoryLease others(&memory);
    ASSERT_TRUE(others.Take((1 << 20) - 20'000));
    const auto result = TryEvaluate(LayoutView({spans}), query, options);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(memory.used(), 0U);
}

TEST(MetricsTest, BlocksOutsideTheRangeCostNothing) {
  const LayoutView view({{At(1, 95 * kSec, kSec, "a")},
                         {At(2, 500 * kSec, kSec, "a")},
                         {At(3, 10 * kSec, kSec, "a")}});
  const MetricsResult result = Evaluate(view, "{ } | rate()", ThirtySeconds());
  EXPECT_EQ(view.marked(1).starts_read(), 0);
  EXPECT_EQ(view.marked(2).starts_read(), 0);
  EXPECT_EQ(result.stats.inspected_blocks, 1U);
  EXPECT_EQ(result.stats.total_blocks, 3U);
  EXPECT_EQ(view.traces_read(), 0);
}

TEST(MetricsTest, OnlySplitTracesAreReadWhole) {
  const LayoutView view({{At(1, 95 * kSec, kSec, "a"), At(2, 95 * kSec, kSec, "a")},
                         {At(2, 115 * kSec, kSec, "a"), At(3, 115 * kSec, kSec, "a")}});
  const MetricsResult result = Evaluate(view, "{ } | count_over_time()", ThirtySeconds());
  EXPECT_EQ(Show(result), (Shown{{"__name__=\"count_over_time\"", {2, 0, 2, 0}}}));
  EXPECT_EQ(view.traces_read(), 1);
  EXPECT_EQ(result.stats.inspected_traces, 1U);
}

TEST(MetricsTest, AQueryCanBeInterrupted) {
  MetricsOptions options = ThirtySeconds();
  int left = 2;
  options.interrupted = [&left]() -> Status {
    if (left-- > 0) return {};
    return CancelledError("enough");
  };
  const auto result = TryEvaluate(FakeView({AtBounds()}), "{ } | rate()", options);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kCancelled);
}

TEST(MetricsTest, WhatIsNoMetricsQueryIsRefused) {
  const auto result = TryEvaluate(FakeView({}), "{ }", ThirtySeconds());
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kInvalidArgument);
}

TEST(MetricsTest, TheWindowCoversTheIntervals) {
  const MetricsWindow window = WindowOf(ThirtySeconds());
  EXPECT_EQ(window.from, 90 * kSec + 1);
  EXPECT_EQ(window.to, 130 * kSec);
}

}  // namespace
}  // namespace tocsin::traceql
