// compare() sets a selection of spans against the others.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

// Three slow spans of service b among seven of service a; each has its own id.
std::vector<TestSpan> SlowAndFast() {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 10; ++i) {
    const bool slow = i > 7;
    TestSpan span = Span(i, i, 0, (slow ? 115 : 95) * kSec, (slow ? 5 : 1) * kSec);
    span.name = "call";
    span.kind = SpanKind::kServer;
    span.resource = {{"service.name", slow ? "b" : "a"}};
    span.attrs = {{"id", static_cast<int64_t>(i)}};
    spans.push_back(span);
  }
  return spans;
}

Shown Compare(const SpanView& view, const std::string& arguments) {
  return Show(Evaluate(view, "{ } | compare(" + arguments + ")", ThirtySeconds()));
}

TEST(MetricsCompareTest, EachSideHasItsValuesAndTotals) {
  const Shown shown = Compare(LayoutView({SlowAndFast()}), "{ duration > 2s }");
  const std::vector<double> fast = {7, 0, 0, 0};
  const std::vector<double> slow = {0, 0, 3, 0};
  const auto at = [&](const std::string& labels) {
    const auto it = shown.find(labels);
    return it == shown.end() ? std::vector<double>{} : it->second;
  };
  EXPECT_EQ(at("__meta_type=\"baseline\", resource.service.name=\"a\""), fast);
  EXPECT_EQ(at("__meta_type=\"selection\", resource.service.name=\"b\""), slow);
  EXPECT_EQ(at("__meta_type=\"baseline\", resource.service.name=\"b\""), std::vector<double>{});
  EXPECT_EQ(at("__meta_type=\"baseline_total\", resource.service.name=\"nil\""), fast);
  EXPECT_EQ(at("__meta_type=\"selection_total\", resource.service.name=\"nil\""), slow);
  EXPECT_EQ(at("__meta_type=\"baseline\", name=\"call\""), fast);
  EXPECT_EQ(at("__meta_type=\"selection\", kind=\"server\""), slow);
  EXPECT_EQ(at("__meta_type=\"selection\", status=\"unset\""), slow);
  EXPECT_EQ(at("__meta_type=\"selection\", rootName=\"call\""), slow);
  EXPECT_EQ(at("__meta_type=\"selection\", rootServiceName=\"b\""), slow);
  EXPECT_EQ(at("__meta_type=\"selection\", span.id=9"), (std::vector<double>{0, 0, 1, 0}));
  for (const auto& [labels, values] : shown) {
    EXPECT_EQ(labels.find("statusMessage"), std::string::npos) << labels;
    EXPECT_EQ(labels.find("__meta_error"), std::string::npos) << labels;
  }
}

TEST(MetricsCompareTest, TheMostFrequentValuesAreShown) {
  std::vector<TestSpan> spans = SlowAndFast();
  for (uint64_t i = 0; i < 4; ++i) spans[i].attrs = {{"id", int64_t{77}}};
  spans[4].attrs = {{"id", int64_t{78}}};
  spans[5].attrs = {{"id", int64_t{78}}};
  const Shown shown = Compare(LayoutView({spans}), "{ duration > 2s }, 2");
  std::vector<std::string> baseline;
  for (const auto& [labels, values] : shown) {
    if (labels.starts_with("__meta_type=\"baseline\", span.id")) baseline.push_back(labels);
  }
  EXPECT_EQ(baseline, (std::vector<std::string>{"__meta_type=\"baseline\", span.id=77",
                                                "__meta_type=\"baseline\", span.id=78"}));
  EXPECT_TRUE(shown.contains("__meta_error=\"__too_many_values__\", span.id=\"nil\""));
  EXPECT_FALSE(shown.contains("__meta_error=\"__too_many_values__\", name=\"nil\""));
  EXPECT_EQ(shown.at("__meta_type=\"baseline_total\", span.id=\"nil\""),
            (std::vector<double>{7, 0, 0, 0}));
}

TEST(MetricsCompareTest, TheSelectionMayBeBoundedInTime) {
  // Of the three slow spans at 115 s none is in (90 s, 115 s).
  const Shown shown =
      Compare(LayoutView({SlowAndFast()}), "{ duration > 2s }, 10, 90000000000, 115000000000");
  EXPECT_FALSE(shown.contains("__meta_type=\"selection_total\", name=\"nil\""));
  const Shown later =
      Compare(LayoutView({SlowAndFast()}), "{ duration > 2s }, 10, 115000000000, 115000000001");
  EXPECT_EQ(later.at("__meta_type=\"selection_total\", name=\"nil\""),
            (std::vector<double>{0, 0, 3, 0}));
}

TEST(MetricsCompareTest, TheAnswerIsTheSameInEveryLayout) {
  const std::vector<TestSpan> spans = SlowAndFast();
  const Shown whole = Compare(LayoutView({spans}), "{ duration > 2s }, 3");
  std::vector<std::vector<TestSpan>> single;
  for (const TestSpan& span : spans) single.push_back({span});
  EXPECT_EQ(Compare(LayoutView(single), "{ duration > 2s }, 3"), whole);
  EXPECT_EQ(Compare(FakeView(single), "{ duration > 2s }, 3"), whole);
  EXPECT_EQ(Compare(LayoutView({spans, spans}), "{ duration > 2s }, 3"), whole);
}

TEST(MetricsCompareTest, OnlySpansOfTheQueryAreCompared) {
  const Shown shown =
      Show(Evaluate(LayoutView({SlowAndFast()}), "{ span.id > 5 } | compare({ duration > 2s })",
                    ThirtySeconds()));
  EXPECT_EQ(shown.at("__meta_type=\"baseline_total\", name=\"nil\""),
            (std::vector<double>{2, 0, 0, 0}));
}

}  // namespace
}  // namespace tocsin::traceql
