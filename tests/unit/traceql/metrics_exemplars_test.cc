// Spans that stand as examples beside series.

#include "cpp/traceql/metrics_exemplars.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

std::vector<ExemplarSpan> ManySpans() {
  std::vector<ExemplarSpan> spans;
  for (uint64_t i = 0; i < 1'000; ++i) {
    ExemplarSpan span;
    span.trace = {i / 5 + 1, i / 5 * 77 + 3};  // Five spans to a trace.
    span.span = i + 1;
    span.interval = static_cast<uint32_t>(i * 7 % 40);
    span.start = span.interval * kSec + i;
    spans.push_back(span);
  }
  return spans;
}

std::vector<SpanId> Pick(const std::vector<ExemplarSpan>& spans, uint32_t limit) {
  ExemplarPicker picker(limit, 40);
  for (const ExemplarSpan& span : spans) {
    if (picker.Wants(ExemplarPicker::RankOf(span.trace), span.start, span.interval))
      picker.Offer(span);
  }
  std::vector<SpanId> ids;
  for (const ExemplarSpan& span : picker.Take()) ids.push_back(span.span);
  return ids;
}

TEST(MetricsExemplarsTest, TheChoiceDoesNotDependOnTheOrder) {
  std::vector<ExemplarSpan> spans = ManySpans();
  const std::vector<SpanId> picked = Pick(spans, 20);
  EXPECT_EQ(picked.size(), 20U);
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(spans.begin(), spans.end(), random);
    ASSERT_EQ(Pick(spans, 20), picked);
  }
}

TEST(MetricsExemplarsTest, TheyAreSpreadOverTimeWithOneToATrace) {
  ExemplarPicker picker(20, 40);
  for (const ExemplarSpan& span : ManySpans()) picker.Offer(span);
  std::set<TraceId> traces;
  std::vector<int> in_stretch(10, 0);
  uint64_t last = 0;
  for (const ExemplarSpan& span : picker.Take()) {
    EXPECT_TRUE(traces.insert(span.trace).second);
    EXPECT_GE(span.start, last);
    last = span.start;
    ++in_stretch[span.interval / 4];
  }
  for (const int count : in_stretch) EXPECT_EQ(count, 2);
}

TEST(MetricsExemplarsTest, LimitsAreKept) {
  EXPECT_FALSE(ExemplarPicker(0, 40).wants_any());
  EXPECT_EQ(Pick(ManySpans(), 1).size(), 1U);
  EXPECT_EQ(Pick(ManySpans(), 3).size(), 2U);
  EXPECT_LE(Pick(ManySpans(), 100'000).size(), 80U);  // Two to an interval.
}

std::vector<TestSpan> Spans() {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 8; ++i) {
    TestSpan span = Span(i, i, 0, (95 + 10 * (i % 4)) * kSec, i * kSec);
    span.resource = {{"service.name", i % 2 == 0 ? "even" : "odd"}};
    spans.push_back(span);
  }
  return spans;
}

MetricsOptions WithExemplars(uint32_t exemplars) {
  MetricsOptions options = ThirtySeconds();
  options.exemplars = exemplars;
  return options;
}

TEST(MetricsExemplarsTest, TheyCarryTheTraceAndWhatWasMeasured) {
  const MetricsResult result =
      Evaluate(LayoutView({Spans()}), "{ } | max_over_time(duration)", WithExemplars(100));
  ASSERT_EQ(result.series.size(), 1U);
  ASSERT_EQ(result.series[0].exemplars.size(), 8U);
  for (const MetricsExemplar& exemplar : result.series[0].exemplars) {
    ASSERT_EQ(exemplar.labels[0].name, "trace:id");
    const auto trace = TraceId::FromHex(exemplar.labels[0].value.text);
    ASSERT_TRUE(trace.has_value());
    EXPECT_EQ(exemplar.labels[1].name, "span:id");
    EXPECT_EQ(exemplar.value, static_cast<double>(trace->low));  // Trace i lasts i seconds.
    EXPECT_EQ(exemplar.timestamp_ms, static_cast<int64_t>(95 + 10 * (trace->low % 4)) * 1'000);
  }
}

TEST(MetricsExemplarsTest, OfCountsTheyLieOnTheSeries) {
  const MetricsResult result =
      Evaluate(LayoutView({Spans()}), "{ } | count_over_time() by (resource.service.name)",
               WithExemplars(100));
  ASSERT_EQ(result.series.size(), 2U);
  for (const MetricsSeries& series : result.series) {
    EXPECT_EQ(series.exemplars.size(), 4U);
    for (const MetricsExemplar& exemplar : series.exemplars) EXPECT_EQ(exemplar.value, 2);
  }
}

TEST(MetricsExemplarsTest, OfQuantilesTheyBelongToTheClosest) {
  const MetricsResult result = Evaluate(
      LayoutView({Spans()}), "{ } | quantile_over_time(duration, 0, 1)", WithExemplars(100));
  ASSERT_EQ(result.series.size(), 2U);
  size_t count = 0;
  for (const MetricsSeries& series : result.series) count += series.exemplars.size();
  EXPECT_EQ(count, 8U);
  EXPECT_FALSE(result.series[1].exemplars.empty());
  for (const MetricsExemplar& exemplar : result.series[1].exemplars) EXPECT_GE(exemplar.value, 5);
}

TEST(MetricsExemplarsTest, HintsWinOverTheRequest) {
  const auto count = [](std::string_view hint, uint32_t requested) {
    size_t exemplars = 0;
    const std::string query = "{ } | rate() with(exemplars=" + std::string(hint) + ")";
    for (const MetricsSeries& series :
         Evaluate(LayoutView({Spans()}), query, WithExemplars(requested)).series) {
      exemplars += series.exemplars.size();
    }
    return exemplars;
  };
  EXPECT_EQ(count("false", 100), 0U);
  EXPECT_EQ(count("true", 0), 8U);
  EXPECT_EQ(count("true", 4), 4U);
  EXPECT_EQ(count("2", 100), 2U);
  EXPECT_EQ(count("0", 100), 0U);
}

TEST(MetricsExemplarsTest, TheyAreTheSameInEveryLayout) {
  const auto ids = [](const SpanView& view) {
    std::vector<std::string> out;
    for (const MetricsSeries& series : Evaluate(view, "{ } | rate()", WithExemplars(4)).series) {
      for (const MetricsExemplar& exemplar : series.exemplars) out.push_back(Text(exemplar.labels));
    }
    return out;
  };
  const std::vector<TestSpan> spans = Spans();
  std::vector<std::vector<TestSpan>> single;
  for (const TestSpan& span : spans) single.push_back({span});
  const std::vector<std::string> whole = ids(LayoutView({spans}));
  EXPECT_EQ(whole.size(), 4U);
  EXPECT_EQ(ids(LayoutView(single)), whole);
  EXPECT_EQ(ids(FakeView(single)), whole);
  EXPECT_EQ(ids(LayoutView({spans, spans})), whole);
}

}  // namespace
}  // namespace tocsin::traceql
