// Arithmetic of native histograms.

#include "cpp/model/native_histogram_math.h"

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/model/native_histogram_buckets.h"

namespace tocsin {
namespace {

using enum CounterResetHint;

// An exponential histogram with buckets from index 1 on: (1, 2^(2^-schema)], ...
NativeHistogram Make(int32_t schema, std::vector<double> positive) {
  NativeHistogram histogram;
  histogram.schema = schema;
  for (const double count : positive) histogram.count += count;
  histogram.sum = histogram.count;
  histogram.positive_spans = {{1, static_cast<uint32_t>(positive.size())}};
  histogram.positive_buckets = std::move(positive);
  return histogram;
}

NativeHistogram MakeCustom(std::vector<double> bounds, std::vector<double> counts) {
  NativeHistogram histogram = Make(0, std::move(counts));
  histogram.schema = kCustomBucketsSchema;
  histogram.positive_spans[0].offset = 0;
  histogram.custom_values = std::move(bounds);
  return histogram;
}

TEST(HistogramMathTest, AddsBucketByBucket) {
  NativeHistogram sum = Make(0, {1, 2});
  NativeHistogram other = Make(0, {0, 10, 20});
  other.positive_spans = {{-3, 1}, {4, 2}};  // -3, 2, 3
  EXPECT_FALSE(AddHistogram(&sum, other).incompatible);
  EXPECT_EQ(FormatHistogram(sum), "{count:33, sum:33, (1,2]:1, (2,4]:12, (4,8]:20}");
  CompactHistogram(&sum);
  EXPECT_EQ(sum.positive_spans, (std::vector<HistogramSpan>{{1, 3}}));
  SubtractHistogram(&sum, other);
  CompactHistogram(&sum);
  EXPECT_TRUE(EqualHistograms(sum, Make(0, {1, 2})));
}

TEST(HistogramMathTest, TheLowerResolutionWins) {
  NativeHistogram fine = Make(1, {1, 2, 3, 4});  // Two of them make one of schema 0.
  const NativeHistogram coarse = Make(0, {10, 20});
  NativeHistogram sum = coarse;
  AddHistogram(&sum, fine);
  EXPECT_EQ(sum.schema, 0);
  EXPECT_EQ(sum.positive_buckets, (std::vector<double>{13, 27}));
  AddHistogram(&fine, coarse);
  EXPECT_TRUE(EqualHistograms(fine, sum));
  NativeHistogram reduced = Make(3, {1, 1, 1, 1, 1, 1, 1, 1, 5});
  ReduceResolution(&reduced, 0);
  EXPECT_EQ(reduced.positive_buckets, (std::vector<double>{8, 5}));
  ReduceResolution(&reduced, -4);
  EXPECT_EQ(reduced.positive_buckets, (std::vector<double>{13}));
}

TEST(HistogramMathTest, TheWiderZeroBucketWins) {
  NativeHistogram narrow = Make(0, {1, 2, 3});  // (1,2] (2,4] (4,8]
  narrow.zero_threshold = 0.1;
  narrow.zero_count = 5;
  NativeHistogram wide = Make(0, {});
  wide.zero_threshold = 3;  // Inside of (2,4]: 4 it will be.
  wide.zero_count = 7;
  for (const bool swapped : {false, true}) {
    NativeHistogram sum = swapped ? wide : narrow;
    AddHistogram(&sum, swapped ? narrow : wide);
    EXPECT_EQ(sum.zero_threshold, 4);
    EXPECT_EQ(sum.zero_count, 15);
    CompactHistogram(&sum);
    EXPECT_EQ(sum.positive_buckets, (std::vector<double>{3}));
  }
}

TEST(HistogramMathTest, ZeroBucketsThatPushEachOtherEnd) {
  NativeHistogram a = Make(0, {1, 1, 1});
  NativeHistogram b = Make(0, {});
  b.negative_spans = {{1, 3}};
  b.negative_buckets = {1, 1, 1};
  a.zero_threshold = 1.5;
  b.zero_threshold = 2.5;
  AddHistogram(&a, b);
  EXPECT_EQ(a.zero_threshold, 4);
  EXPECT_EQ(a.zero_count, 4);
  NativeHistogram nan = Make(0, {1});
  nan.zero_threshold = std::numeric_limits<double>::quiet_NaN();
  AddHistogram(&nan, a);  // Not valid, but no reason to hang.
}

TEST(HistogramMathTest, OnlyCommonBoundsRemain) {
  NativeHistogram a = MakeCustom({1, 2, 3}, {1, 2, 3, 4});
  const NativeHistogram b = MakeCustom({1, 3, 5}, {10, 20, 30, 40});
  const HistogramMerge merge = AddHistogram(&a, b);
  EXPECT_TRUE(merge.bounds_reconciled);
  EXPECT_EQ(a.custom_values, (std::vector<double>{1, 3}));
  EXPECT_EQ(a.positive_buckets, (std::vector<double>{11, 25, 74}));
  NativeHistogram none = MakeCustom({7}, {1, 1});
  AddHistogram(&none, b);
  EXPECT_EQ(FormatHistogram(none), "{count:102, sum:102, [-Inf,+Inf]:102}");
}

TEST(HistogramMathTest, KindsOfBucketsDoNotMix) {
  NativeHistogram a = Make(0, {1});
  EXPECT_TRUE(AddHistogram(&a, MakeCustom({1}, {1})).incompatible);
  EXPECT_TRUE(SubtractHistogram(&a, MakeCustom({1}, {1})).incompatible);
  EXPECT_TRUE(EqualHistograms(a, Make(0, {1})));
}

TEST(HistogramMathTest, HintsOfSums) {
  const auto sum = [](CounterResetHint a, CounterResetHint b) {
    NativeHistogram left = Make(0, {1});
    NativeHistogram right = left;
    left.counter_reset = a;
    right.counter_reset = b;
    const HistogramMerge merge = AddHistogram(&left, right);
    EXPECT_EQ(merge.reset_collision,
              (a == kReset && b == kNotReset) || (a == kNotReset && b == kReset));
    return left.counter_reset;
  };
  for (const CounterResetHint hint : {kUnknown, kReset, kNotReset, kGauge}) {
    EXPECT_EQ(sum(hint, hint), hint);
    EXPECT_EQ(sum(hint, kGauge), kGauge);
    EXPECT_EQ(sum(kGauge, hint), kGauge);
  }
  for (const CounterResetHint hint : {kReset, kNotReset}) {
    EXPECT_EQ(sum(hint, kUnknown), kUnknown);
    EXPECT_EQ(sum(kUnknown, hint), kUnknown);
  }
  EXPECT_EQ(sum(kReset, kNotReset), kUnknown);
}

TEST(HistogramMathTest, ScalingTakesEverything) {
  NativeHistogram histogram = Make(0, {1, 2});
  MultiplyHistogram(&histogram, -2);
  EXPECT_EQ(FormatHistogram(histogram), "{count:-6, sum:-6, (1,2]:-2, (2,4]:-4}");
  EXPECT_EQ(histogram.counter_reset, kGauge);
  DivideHistogram(&histogram, -4);
  EXPECT_EQ(FormatHistogram(histogram), "{count:1.5, sum:1.5, (1,2]:0.5, (2,4]:1}");
  DivideHistogram(&histogram, 0);
  EXPECT_EQ(FormatHistogram(histogram).substr(0, 23), "{count:+Inf, sum:+Inf, ");
  EXPECT_TRUE(histogram.positive_spans.empty());
  EXPECT_TRUE(HasOverflow(histogram));
}

TEST(HistogramMathTest, ResetsAreSeen) {
  const NativeHistogram before = Make(1, {1, 2, 3});
  const auto reset = [&before](auto change) {
    NativeHistogram after = before;
    after.count += 10;
    change(&after);
    return DetectReset(after, before);
  };
  EXPECT_FALSE(reset([](auto*) {}));
  EXPECT_TRUE(reset([](auto* h) { h->count = 1; }));
  EXPECT_TRUE(reset([](auto* h) { h->counter_reset = kReset; }));
  EXPECT_FALSE(reset([](auto* h) {
    h->counter_reset = kNotReset;
    h->count = 1;
  }));
  EXPECT_TRUE(reset([](auto* h) { h->positive_buckets[1] = 1; }));
  EXPECT_TRUE(reset([](auto* h) { h->schema = 2; }));
  EXPECT_TRUE(reset([](auto* h) {  // A bucket vanished.
    h->positive_spans = {{1, 2}};
    h->positive_buckets = {5, 5};
  }));
  EXPECT_FALSE(reset([](auto* h) {  // One came.
    h->positive_spans = {{0, 4}};
    h->positive_buckets = {1, 1, 2, 3};
  }));
  EXPECT_FALSE(reset([](auto* h) { ReduceResolution(h, 0); }));
  EXPECT_TRUE(reset([](auto* h) {
    ReduceResolution(h, 0);
    h->positive_buckets[0] = 2;
  }));
  EXPECT_FALSE(reset([](auto* h) {  // The zero bucket took the first bucket in.
    h->zero_threshold = ExponentialBound(1, 1);
    h->zero_count = 1;
    h->positive_spans = {{2, 2}};
    h->positive_buckets = {2, 3};
  }));
  EXPECT_TRUE(reset([](auto* h) {  // It cannot have cut one.
    h->zero_threshold = 1.1;
    h->zero_count = 1;
  }));
}

TEST(HistogramMathTest, ResetsAreSeenBetweenCommonBounds) {
  const NativeHistogram before = MakeCustom({1, 2, 3}, {1, 2, 3, 4});
  EXPECT_FALSE(DetectReset(MakeCustom({1, 3}, {1, 5, 4}), before));
  EXPECT_TRUE(DetectReset(MakeCustom({1, 3}, {1, 4, 5}), before));
  EXPECT_TRUE(DetectReset(MakeCustom({1, 2, 3}, {2, 1, 3, 4}), before));
  NativeHistogram exponential = Make(0, {100});
  EXPECT_TRUE(DetectReset(exponential, before));
  EXPECT_TRUE(DetectReset(MakeCustom({1}, {100, 100}), exponential));
}

TEST(HistogramMathTest, Trims) {
  NativeHistogram below = Make(0, {2, 2, 2});  // (1,2] (2,4] (4,8]
  TrimHistogram(&below, std::sqrt(8), /*upper=*/true);
  EXPECT_EQ(below.positive_buckets.size(), 2U);
  EXPECT_NEAR(below.count, 3, 1e-12);
  NativeHistogram above = Make(0, {2, 2, 2});
  TrimHistogram(&above, 4, /*upper=*/false);
  EXPECT_EQ(above.positive_buckets, (std::vector<double>{2}));
  EXPECT_NEAR(above.sum, 2 * std::sqrt(32), 1e-12);
  NativeHistogram all = Make(0, {2, 2, 2});
  TrimHistogram(&all, 100, /*upper=*/true);
  EXPECT_TRUE(EqualHistograms(all, Make(0, {2, 2, 2})));
  NativeHistogram custom = MakeCustom({0, 10}, {1, 4, 2});
  TrimHistogram(&custom, 5, /*upper=*/true);
  EXPECT_EQ(FormatHistogram(custom), "{count:3, sum:5, [-Inf,0]:1, (0,10]:2}");
}

TEST(HistogramMathTest, CompensatedSumsLoseNothing) {
  CompensatedHistogram sum(Make(0, {1e100}));
  sum.Add(Make(2, {1, 1}));
  sum.Add(Make(0, {1, 1e100}));
  NativeHistogram minus = Make(0, {-1e100, -1e100});
  sum.Add(minus);
  NativeHistogram value = sum.Value();
  EXPECT_EQ(value.positive_buckets, (std::vector<double>{3, 0}));
  EXPECT_EQ(value.count, 2);  // 1 + 1e100 had lost its 1 before.
}

// Whatever layouts are added: each bucket of the sum has what both have there.
TEST(HistogramMathTest, AgreesWithBucketsAddedByHand) {
  std::mt19937 random(7);  // NOLINT: the same each time.
  const auto pick = [&random](int below) {
    return std::uniform_int_distribution<int>(0, below - 1)(random);
  };
  const auto make = [&pick](int32_t schema) {
    NativeHistogram histogram;
    histogram.schema = schema;
    for (auto* side : {&histogram.positive_spans, &histogram.negative_spans}) {
      auto& counts = side == &histogram.positive_spans ? histogram.positive_buckets
                                                       : histogram.negative_buckets;
      for (int i = pick(4); i > 0; --i) {
        side->push_back({side->empty() ? pick(20) - 10 : pick(4), static_cast<uint32_t>(pick(4))});
        for (uint32_t j = 0; j < side->back().length; ++j) counts.push_back(pick(5));
      }
    }
    return histogram;
  };
  const auto add = [](const NativeHistogram& histogram, int32_t schema,
                      std::map<std::pair<int, int32_t>, double>* cells) {
    BucketWalk walk(histogram, false);
    while (walk.Next()) {
      const int32_t index = ((walk.ref().index - 1) >> (histogram.schema - schema)) + 1;
      (*cells)[{static_cast<int>(walk.ref().side), index}] += walk.ref().count;
    }
  };
  for (int round = 0; round < 3000; ++round) {
    const NativeHistogram a = make(pick(3));
    const NativeHistogram b = make(pick(3));
    const int32_t schema = std::min(a.schema, b.schema);
    std::map<std::pair<int, int32_t>, double> expected;
    add(a, schema, &expected);
    add(b, schema, &expected);
    NativeHistogram sum = a;
    AddHistogram(&sum, b);
    ASSERT_TRUE(ValidateHistogram(sum).ok());
    std::map<std::pair<int, int32_t>, double> actual;
    add(sum, schema, &actual);
    ASSERT_EQ(actual, expected);
    EXPECT_FALSE(DetectReset(sum, a)) << FormatHistogram(sum) << FormatHistogram(a);
    NativeHistogram compact = sum;
    CompactHistogram(&compact);
    EXPECT_TRUE(EqualHistograms(compact, sum));
  }
}

}  // namespace
}  // namespace tocsin
