// Native histograms: what is legal, buckets and their bounds, text.

#include "cpp/model/native_histogram.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/model/native_histogram_buckets.h"

namespace tocsin {
namespace {

constexpr double kMax = std::numeric_limits<double>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

NativeHistogram Exponential() {
  NativeHistogram histogram;
  histogram.count = 12;
  histogram.sum = 5.5;
  histogram.zero_threshold = 0.001;
  histogram.zero_count = 1;
  histogram.positive_spans = {{0, 1}, {1, 1}};  // (0.5,1] and (2,4]
  histogram.positive_buckets = {2, 3};
  histogram.negative_spans = {{1, 2}};  // [-2,-1) and [-4,-2)
  histogram.negative_buckets = {0, 6};
  return histogram;
}

NativeHistogram Custom() {
  NativeHistogram histogram;
  histogram.schema = kCustomBucketsSchema;
  histogram.count = 6;
  histogram.sum = 20;
  histogram.custom_values = {1, 2};
  histogram.positive_spans = {{0, 3}};
  histogram.positive_buckets = {1, 2, 3};
  return histogram;
}

TEST(NativeHistogramTest, FormatsAsPrometheusDoes) {
  EXPECT_EQ(FormatHistogram(Exponential()),
            "{count:12, sum:5.5, [-4,-2):6, [-0.001,0.001]:1, (0.5,1]:2, (2,4]:3}");
  EXPECT_EQ(FormatHistogram(Custom()), "{count:6, sum:20, [-Inf,1]:1, (1,2]:2, (2,+Inf]:3}");
  EXPECT_EQ(FormatHistogram(NativeHistogram()), "{count:0, sum:0}");
}

TEST(NativeHistogramTest, BoundsAreTheTablesOfOthersToTheLastBit) {
  EXPECT_EQ(ExponentialBound(0, 0), 1);
  EXPECT_EQ(ExponentialBound(3, 0), 8);
  EXPECT_EQ(ExponentialBound(-1, -2), 0.0625);
  EXPECT_EQ(ExponentialBound(-1, 1), 0.7071067811865475);
  EXPECT_EQ(ExponentialBound(-3, 2), 0.5946035575013605);
  EXPECT_EQ(ExponentialBound(-255, 8), 0.5013556375251013);
  EXPECT_EQ(ExponentialBound(-127, 8), 0.7090239421602076);
  EXPECT_EQ(ExponentialBound(-1, 8), 0.9972960560854698);
  // The last bucket of finite numbers, and that of infinities.
  for (int32_t schema = kMinExponentialSchema; schema <= kMaxExponentialSchema; ++schema) {
    const int32_t last = schema >= 0 ? 1024 << schema : 1024 >> -schema;
    EXPECT_EQ(ExponentialBound(last, schema), kMax) << schema;
    EXPECT_EQ(ExponentialBound(last + 1, schema), kInfinity) << schema;
    EXPECT_EQ(ExponentialBound(-(1 << 30), schema), 0) << schema;
    EXPECT_EQ(ExponentialBound(1 << 30, schema), kInfinity) << schema;
  }
}

TEST(NativeHistogramTest, BucketsAscendAndAreCutAtTheZeroBucket) {
  NativeHistogram histogram = Exponential();
  histogram.zero_threshold = 0.75;
  const std::vector<HistogramBucket> buckets = AllBuckets(histogram);
  ASSERT_EQ(buckets.size(), 5U);
  EXPECT_EQ(buckets[0].lower, -4);
  EXPECT_TRUE(buckets[0].lower_inclusive);
  EXPECT_FALSE(buckets[0].upper_inclusive);
  EXPECT_EQ(buckets[2].lower, -0.75);
  EXPECT_TRUE(buckets[2].lower_inclusive && buckets[2].upper_inclusive);
  EXPECT_EQ(buckets[3].lower, 0.75);
  EXPECT_EQ(buckets[3].upper, 1);
  EXPECT_EQ(buckets[4].lower, 2);
  EXPECT_TRUE(buckets[4].upper_inclusive && !buckets[4].lower_inclusive);
}

TEST(NativeHistogramTest, WalksBothWays) {
  NativeHistogram histogram = Exponential();
  histogram.positive_spans = {{-2, 0}, {2, 1}, {0, 0}, {1, 1}, {5, 0}};  // Empty spans are legal.
  std::vector<int32_t> there;
  std::vector<int32_t> back;
  BucketWalk forward(histogram, /*reverse=*/false);
  while (forward.Next()) there.push_back(forward.ref().index);
  BucketWalk reverse(histogram, /*reverse=*/true);
  while (reverse.Next()) back.insert(back.begin(), reverse.ref().index);
  EXPECT_EQ(there, (std::vector<int32_t>{2, 1, 0, 0, 2}));
  EXPECT_EQ(there, back);
}

TEST(NativeHistogramTest, EqualityIsAboutNumbersInBuckets) {
  NativeHistogram other = Exponential();
  EXPECT_TRUE(EqualHistograms(Exponential(), other));
  other.counter_reset = CounterResetHint::kGauge;
  other.negative_spans = {{2, 1}};  // The same without the empty bucket.
  other.negative_buckets = {6};
  EXPECT_TRUE(EqualHistograms(Exponential(), other));
  other.negative_buckets = {7};
  EXPECT_FALSE(EqualHistograms(Exponential(), other));
  NativeHistogram nan = Exponential();
  nan.sum = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(EqualHistograms(nan, nan));
  EXPECT_FALSE(EqualHistograms(nan, Exponential()));
  NativeHistogram bounds = Custom();
  bounds.custom_values = {1, 3};
  EXPECT_FALSE(EqualHistograms(Custom(), bounds));
}

std::string Refusal(const NativeHistogram& histogram) {
  return std::string(ValidateHistogram(histogram).message());
}

TEST(NativeHistogramTest, WhatIsWellFormedIsValid) {
  EXPECT_EQ(Refusal(NativeHistogram()), "");
  EXPECT_EQ(Refusal(Exponential()), "");
  EXPECT_EQ(Refusal(Custom()), "");
}

TEST(NativeHistogramTest, WhatIsMalformedIsRefused) {
  const auto changed = [](NativeHistogram histogram, auto change) {
    change(&histogram);
    return Refusal(histogram);
  };
  EXPECT_EQ(changed(Exponential(), [](auto* h) { h->schema = 9; }),
            "histogram has an invalid schema, which must be between -4 and 8 for exponential "
            "buckets, or -53 for custom buckets, got schema 9");
  EXPECT_EQ(changed(Exponential(), [](auto* h) { h->positive_buckets = {1}; }),
            "positive side: spans need 2 buckets, have 1 buckets: histogram spans specify "
            "different number of buckets than provided");
  EXPECT_EQ(changed(Exponential(), [](auto* h) { h->positive_spans[1].offset = -1; }),
            "positive side: span number 2 with offset -1: histogram has a span whose offset is "
            "negative");
  EXPECT_EQ(changed(Exponential(), [](auto* h) { h->negative_buckets[0] = -1; }),
            "negative side: bucket number 1 has observation count of -1: histogram has a bucket "
            "whose observation count is negative");
  EXPECT_NE(changed(Exponential(), [](auto* h) { h->zero_count = -1; }), "");
  EXPECT_NE(changed(Exponential(), [](auto* h) { h->zero_threshold = std::nan(""); }), "");
  EXPECT_NE(changed(Exponential(), [](auto* h) { h->count = -1; }), "");
  EXPECT_NE(changed(Exponential(), [](auto* h) { h->custom_values = {1}; }), "");
  // An index that no number falls into, and sums of offsets that overflow.
  EXPECT_NE(changed(Exponential(), [](auto* h) { h->positive_spans[0].offset = INT32_MAX; }), "");
  EXPECT_NE(changed(Exponential(),
                    [](auto* h) {
                      h->positive_spans = {{INT32_MIN, 0}, {INT32_MAX, 2}, {INT32_MAX, 0}};
                    }),
            "");
  EXPECT_EQ(changed(Custom(), [](auto* h) { h->custom_values = {2, 2}; }),
            "custom buckets: previous bound is 2.000000 and current is 2.000000: histogram custom "
            "bounds must be in strictly increasing order");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->custom_values = {1, kInfinity}; }), "");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->custom_values = {std::nan(""), 1}; }), "");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->custom_values = {1}; }), "");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->zero_threshold = 1; }), "");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->zero_count = 1; }), "");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->negative_spans = {{0, 0}}; }), "");
  EXPECT_NE(changed(Custom(), [](auto* h) { h->positive_buckets[1] = -2; }), "");
}

}  // namespace
}  // namespace tocsin
