// Powers of two, and quantiles from them.

#include "cpp/traceql/metrics_buckets.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::traceql {
namespace {

double BoundOfInt(int64_t value) { return BucketBound(BucketOfInt(value)); }
double BoundOfFloat(double value) { return BucketBound(BucketOfFloat(value)); }

TEST(MetricsBucketsTest, IntsGoToTheNextPowerOfTwo) {
  EXPECT_EQ(BoundOfInt(2), 2);
  EXPECT_EQ(BoundOfInt(3), 4);
  EXPECT_EQ(BoundOfInt(4), 4);
  EXPECT_EQ(BoundOfInt(5), 8);
  EXPECT_EQ(BoundOfInt((int64_t{1} << 62) + 1), 0x1p63);
  EXPECT_EQ(BoundOfInt(INT64_MAX), 0x1p63);
}

TEST(MetricsBucketsTest, IntsBelowTwoHaveNoBucket) {
  for (const int64_t value : {int64_t{1}, int64_t{0}, int64_t{-5}, INT64_MIN}) {
    EXPECT_EQ(BucketOfInt(value), 0) << value;
  }
}

TEST(MetricsBucketsTest, FloatsGoToTheNextPowerOfTwoAlsoBelowOne) {
  EXPECT_EQ(BoundOfFloat(0.3), 0.5);
  EXPECT_EQ(BoundOfFloat(0.5), 0.5);
  EXPECT_EQ(BoundOfFloat(0.51), 1);
  EXPECT_EQ(BoundOfFloat(1), 1);
  EXPECT_EQ(BoundOfFloat(3), 4);
  EXPECT_EQ(BoundOfFloat(1e-300), 0x1p-64);
  EXPECT_EQ(BoundOfFloat(1e300), 0x1p64);
  for (const double none : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                            std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(BucketOfFloat(none), 0);
  }
}

TEST(MetricsBucketsTest, AnIntAndAnEqualFloatShareABucket) {
  for (int64_t value = 2; value < 5'000; ++value) {
    ASSERT_EQ(BucketOfInt(value), BucketOfFloat(static_cast<double>(value)));
  }
}

TEST(MetricsBucketsTest, QuantilesLieInTheirBucket) {
  const std::vector<BucketCount> buckets = {{1, 50}, {2, 30}, {4, 20}};
  EXPECT_EQ(QuantileOf(0.5, buckets), 1);  // All of the first bucket.
  EXPECT_EQ(QuantileOf(0.8, buckets), 2);  // And of the second.
  EXPECT_EQ(QuantileOf(1, buckets), 4);
  EXPECT_DOUBLE_EQ(QuantileOf(0.25, buckets), std::exp2(-0.5));        // Half of 0.5 to 1.
  EXPECT_DOUBLE_EQ(QuantileOf(0.9, buckets), std::exp2(1.5));          // Half of 2 to 4.
  EXPECT_DOUBLE_EQ(QuantileOf(0, buckets), std::exp2(-1 + 1 / 50.0));  // One value at least.
}

TEST(MetricsBucketsTest, ABucketBeginsWhereTheOneBeforeItEnds) {
  const std::vector<BucketCount> buckets = {{1, 1}, {16, 2}};
  EXPECT_DOUBLE_EQ(QuantileOf(0.6, buckets), 4);  // Half of 1 to 16.
}

TEST(MetricsBucketsTest, FewValuesAreRoundedUp) {
  const std::vector<BucketCount> one = {{8, 1}};
  EXPECT_EQ(QuantileOf(0, one), 8);
  EXPECT_EQ(QuantileOf(0.5, one), 8);
  EXPECT_EQ(QuantileOf(0.5, {}), 0);
}

TEST(MetricsBucketsTest, CountsMayBeFractions) {
  const std::vector<BucketCount> buckets = {{1, 0.5}, {2, 0.25}};
  EXPECT_EQ(QuantileOf(1, buckets), 2);
  EXPECT_GT(QuantileOf(0.1, buckets), 0);
}

}  // namespace
}  // namespace tocsin::traceql
