// Windows that overlap: each answer must be what it would be if its window were the only one.

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/metrics_intervals.h"
#include "tests/unit/traceql/metrics_view.h"

namespace tocsin::traceql {
namespace {

MetricsOptions Sliding(int64_t first, int64_t step, uint32_t count, int64_t length) {
  MetricsOptions options;
  options.sliding = SlidingWindows{.first = first, .step = step, .count = count, .length = length};
  options.text_groups = true;
  return options;
}

TestSpan SpanAt(uint64_t number, uint64_t start) {
  TestSpan span;
  span.trace = {0, number};
  span.id = number;
  span.start = start;
  span.end = start + 1000;
  span.name = "work";
  return span;
}

constexpr auto kSecond64 = static_cast<int64_t>(kSec);

TEST(SlidingWindowsTest, AWindowIsOpenOnTheLeftAndClosedOnTheRight) {
  const FakeView view({{SpanAt(1, 40 * kSec), SpanAt(2, 40 * kSec + 1), SpanAt(3, 100 * kSec),
                        SpanAt(4, 100 * kSec + 1)}});
  const auto at = [&view](int64_t t) {
    return Show(Evaluate(view, "{ } | count_over_time()", Sliding(t, 0, 1, 60 * kSecond64)));
  };
  EXPECT_EQ(at(100 * kSecond64), (Shown{{"__name__=\"count_over_time\"", {2}}}));
  EXPECT_EQ(at(100 * kSecond64 - 1), (Shown{{"__name__=\"count_over_time\"", {2}}}));
  EXPECT_EQ(at(100 * kSecond64 + 1), (Shown{{"__name__=\"count_over_time\"", {2}}}));
  EXPECT_EQ(at(160 * kSecond64), (Shown{{"__name__=\"count_over_time\"", {1}}}));
  EXPECT_EQ(at(161 * kSecond64), (Shown{{"__name__=\"count_over_time\"", {0}}}));
}

TEST(SlidingWindowsTest, ARateIsPerSecondOfTheWindow) {
  const FakeView view({{SpanAt(1, 10 * kSec), SpanAt(2, 20 * kSec), SpanAt(3, 70 * kSec)}});
  const auto shown = Show(
      Evaluate(view, "{ } | rate()", Sliding(60 * kSecond64, 30 * kSecond64, 3, 60 * kSecond64)));
  EXPECT_EQ(shown, (Shown{{"__name__=\"rate\"", {2.0 / 60, 1.0 / 60, 1.0 / 60}}}));
}

TEST(SlidingWindowsTest, AGroupHasNoValueWhereItHasNoSpan) {
  TestSpan early = SpanAt(1, 10 * kSec);
  early.attrs = {{"who", std::string("a")}};
  TestSpan late = SpanAt(2, 50 * kSec);
  late.attrs = {{"who", std::string("b")}};
  const FakeView view({{early, late}});
  const auto options = Sliding(20 * kSecond64, 20 * kSecond64, 3, 20 * kSecond64);
  EXPECT_EQ(Show(Evaluate(view, "{ } | count_over_time() by (span.who)", options)),
            (Shown{{"span.who=\"a\"", {1, kAbsent, kAbsent}},
                   {"span.who=\"b\"", {kAbsent, kAbsent, 1}}}));
  EXPECT_EQ(Show(Evaluate(view, "{ } | quantile_over_time(duration, .5)", options)).begin()->second,
            (std::vector<double>{1.024e-6, kAbsent, 1.024e-6}));
}

TEST(SlidingWindowsTest, ValuesThatReadAlikeAreOneGroup) {
  std::vector<TestSpan> spans;
  const std::vector<AttrValue> values = {std::string("5"),   int64_t{5},      5.0,
                                         std::string("nil"), std::string(""), ArrayValue{{true}}};
  for (size_t i = 0; i < values.size(); ++i) {
    spans.push_back(SpanAt(i + 1, 10 * kSec));
    spans.back().attrs = {{"n", values[i]}};
  }
  spans.push_back(SpanAt(values.size() + 1, 10 * kSec));
  const FakeView view({spans});
  EXPECT_EQ(Show(Evaluate(view, "{ } | count_over_time() by (span.n)",
                          Sliding(20 * kSecond64, 0, 1, 20 * kSecond64))),
            (Shown{{"span.n=\"5\"", {3}}, {"span.n=\"nil\"", {4}}}));
}

TEST(SlidingWindowsTest, WhatCannotBeCutIsRefused) {
  const FakeView view(std::vector<std::vector<TestSpan>>{});
  const auto code = [&view](const MetricsOptions& options,
                            std::string_view query = "{ } | rate()") {
    const auto result = TryEvaluate(view, query, options);
    return result.has_value() ? StatusCode::kOk : result.error().code();
  };
  EXPECT_EQ(code(Sliding(0, 0, 1, 1)), StatusCode::kOk);
  EXPECT_EQ(code(Sliding(-1, 1, 1, 1)), StatusCode::kOk);  // Nothing begins before 1970.
  EXPECT_EQ(code(Sliding(0, 0, 0, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(0, 0, 1, 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(0, 0, 2, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(0, 1, 100'001, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(INT64_MAX, 0, 1, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(INT64_MIN, 0, 1, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(0, 0, 1, INT64_MAX)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(0, INT64_MAX / 4, 9, 1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Sliding(0, 0, 1, 1), "{ } | compare({ status = error })"),
            StatusCode::kInvalidArgument);
}

TEST(SlidingWindowsTest, MemoryIsBounded) {
  std::vector<TestSpan> spans;
  for (uint64_t i = 1; i <= 100; ++i) {
    spans.push_back(SpanAt(i, 10 * kSec));
    spans.back().attrs = {{"n", static_cast<int64_t>(i)}};
  }
  const FakeView view({spans});
  auto options = Sliding(20 * kSecond64, kSecond64, 1000, 20 * kSecond64);
  options.max_memory = 100'000;
  EXPECT_EQ(TryEvaluate(view, "{ } | rate() by (span.n)", options).error().code(),
            StatusCode::kResourceExhausted);
}

// Windows of every relation to the step, at times that are no multiples of anything.
class RandomWindows {
 public:
  explicit RandomWindows(uint32_t seed) : random_(seed) {}

  std::vector<std::vector<TestSpan>> Spans() {
    std::vector<std::vector<TestSpan>> blocks(3);
    for (uint64_t i = 1; i <= 120; ++i) {
      TestSpan span = SpanAt(i, 1000 * kSec + Below(200 * kSec));
      span.trace = {1, 1 + Below(40)};  // In several blocks, some of them.
      span.end = span.start + 1 + Below(5 * kSec);
      if (Below(3) == 0) span.status = SpanStatus::kError;
      span.attrs = {{"who", std::string(1, static_cast<char>('a' + Below(4)))},
                    {"size", static_cast<int64_t>(Below(1000))}};
      blocks[Below(3)].push_back(span);
    }
    return blocks;
  }

  SlidingWindows Windows() {
    SlidingWindows windows;
    windows.count = static_cast<uint32_t>(1 + Below(12));
    windows.step = static_cast<int64_t>(1 + Below(20 * kSec));
    windows.first = static_cast<int64_t>(1000 * kSec + Below(100 * kSec));
    switch (Below(4)) {
      case 0:
        windows.length = windows.step * static_cast<int64_t>(1 + Below(4));
        break;
      case 1:
        windows.length = windows.step * static_cast<int64_t>(windows.count);
        break;
      case 2:
        windows.length = static_cast<int64_t>(1 + Below(static_cast<uint64_t>(windows.step)));
        break;
      default:
        windows.length = static_cast<int64_t>(1 + Below(200 * kSec));
    }
    return windows;
  }

 private:
  uint64_t Below(uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random_); }

  std::mt19937 random_;
};

constexpr const char* kQueries[] = {
    "{ } | rate()",
    "{ } | rate() by (span.who)",
    "{ status = error } | count_over_time() by (span.who, status)",
    "{ } | min_over_time(duration) by (span.who)",
    "{ } | max_over_time(span.size)",
    "{ } | sum_over_time(span.size) by (span.who)",
    "{ } | avg_over_time(span.size) by (status)",
    "{ } | quantile_over_time(duration, .5, .9) by (span.who)",
    "{ } | histogram_over_time(span.size) by (span.who)",
    "({ status = error } | rate() by (span.who)) / ({ } | rate() by (span.who))",
    "({ status = error } | rate() by (span.who)) / ({ } | rate())",
    "{ } | rate() by (span.who) | topk(2)",
    "{ } | count_over_time() by (span.who) | bottomk(1)",
    "{ } | count_over_time() by (span.who) > 2",
    "{ } >> { status = error } | rate()",
};

TEST(SlidingWindowsTest, ManyWindowsAnswerAsEachWouldAlone) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    RandomWindows random(seed);
    const LayoutView view(random.Spans());
    const SlidingWindows windows = random.Windows();
    const std::string query = kQueries[seed % std::size(kQueries)];
    SCOPED_TRACE(query + " seed " + std::to_string(seed) + " step " + std::to_string(windows.step) +
                 " length " + std::to_string(windows.length) + " count " +
                 std::to_string(windows.count));
    const MetricsResult many =
        Evaluate(view, query, Sliding(windows.first, windows.step, windows.count, windows.length));
    const Shown shown = Show(many);
    ASSERT_EQ(many.timestamps_ms.size(), windows.count);
    for (uint32_t i = 0; i < windows.count; ++i) {
      const int64_t t = windows.first + i * windows.step;
      const Shown alone = Show(Evaluate(view, query, Sliding(t, 0, 1, windows.length)));
      Shown at;
      for (const auto& [labels, values] : shown) {
        if (values[i] != kAbsent) at[labels] = {values[i]};
      }
      ASSERT_EQ(at.size(), alone.size()) << "window " << i;
      for (const auto& [labels, values] : alone) {
        ASSERT_TRUE(at.contains(labels)) << labels;
        EXPECT_DOUBLE_EQ(at[labels][0], values[0]) << labels << " in window " << i;
      }
    }
  }
}

TEST(SlidingWindowsTest, CountsAreThoseOfSpansCountedOneByOne) {
  for (uint32_t seed = 100; seed < 200; ++seed) {
    RandomWindows random(seed);
    const std::vector<std::vector<TestSpan>> blocks = random.Spans();
    const FakeView view(blocks);
    const SlidingWindows windows = random.Windows();
    const Shown shown =
        Show(Evaluate(view, "{ } | count_over_time()",
                      Sliding(windows.first, windows.step, windows.count, windows.length)));
    std::vector<double> expected(windows.count);
    for (const std::vector<TestSpan>& spans : blocks) {
      for (const TestSpan& span : spans) {
        for (uint32_t i = 0; i < windows.count; ++i) {
          const int64_t t = windows.first + i * windows.step;
          const auto start = static_cast<int64_t>(span.start);
          if (start > t - windows.length && start <= t) ++expected[i];
        }
      }
    }
    EXPECT_EQ(shown, (Shown{{"__name__=\"count_over_time\"", expected}})) << "seed " << seed;
  }
}

}  // namespace
}  // namespace tocsin::traceql
