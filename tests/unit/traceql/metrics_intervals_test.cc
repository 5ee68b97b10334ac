// Which intervals a range has, and which of them a point in time belongs to.

#include "cpp/traceql/metrics_intervals.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::traceql {
namespace {

constexpr uint64_t kSec = 1'000'000'000;

MetricsOptions Range(uint64_t start, uint64_t end, uint64_t step) {
  MetricsOptions options;
  options.start = start;
  options.end = end;
  options.step = step;
  return options;
}

TEST(MetricsIntervalsTest, ARangeIsRoundedOutwardsWithOneIntervalBefore) {
  const auto intervals = MetricsIntervals::Make(Range(103 * kSec, 128 * kSec, 10 * kSec));
  ASSERT_TRUE(intervals.has_value());
  EXPECT_EQ(intervals->TimestampsMs(), (std::vector<int64_t>{100'000, 110'000, 120'000, 130'000}));
  EXPECT_EQ(intervals->from(), 90 * kSec + 1);
  EXPECT_EQ(intervals->to(), 130 * kSec);
  EXPECT_EQ(intervals->seconds(), 10);
}

TEST(MetricsIntervalsTest, ARangeOfMultiplesStaysAsItIs) {
  const auto intervals = MetricsIntervals::Make(Range(100 * kSec, 130 * kSec, 10 * kSec));
  ASSERT_TRUE(intervals.has_value());
  EXPECT_EQ(intervals->TimestampsMs(), (std::vector<int64_t>{100'000, 110'000, 120'000, 130'000}));
}

TEST(MetricsIntervalsTest, IntervalsAreOpenOnTheLeftAndClosedOnTheRight) {
  const auto intervals = MetricsIntervals::Make(Range(100 * kSec, 130 * kSec, 10 * kSec));
  ASSERT_TRUE(intervals.has_value());
  EXPECT_FALSE(intervals->Contains(90 * kSec));
  EXPECT_TRUE(intervals->Contains(90 * kSec + 1));
  EXPECT_EQ(intervals->Of(90 * kSec + 1), 0U);
  EXPECT_EQ(intervals->Of(100 * kSec), 0U);
  EXPECT_EQ(intervals->Of(100 * kSec + 1), 1U);
  EXPECT_EQ(intervals->Of(130 * kSec), 3U);
  EXPECT_FALSE(intervals->Contains(130 * kSec + 1));
}

TEST(MetricsIntervalsTest, AnInstantIsOneIntervalWithBothEnds) {
  MetricsOptions options = Range(103 * kSec, 128 * kSec, 0);
  options.instant = true;
  const auto intervals = MetricsIntervals::Make(options);
  ASSERT_TRUE(intervals.has_value());
  EXPECT_EQ(intervals->TimestampsMs(), std::vector<int64_t>{128'000});
  EXPECT_TRUE(intervals->Contains(103 * kSec));
  EXPECT_TRUE(intervals->Contains(128 * kSec));
  EXPECT_FALSE(intervals->Contains(103 * kSec - 1));
  EXPECT_FALSE(intervals->Contains(128 * kSec + 1));
  EXPECT_EQ(intervals->Of(103 * kSec), 0U);
  EXPECT_EQ(intervals->Of(128 * kSec), 0U);
  EXPECT_EQ(intervals->seconds(), 25);
}

TEST(MetricsIntervalsTest, NothingStandsBeforeTheEpoch) {
  const auto intervals = MetricsIntervals::Make(Range(5, 25, 10));
  ASSERT_TRUE(intervals.has_value());
  EXPECT_EQ(intervals->from(), 1U);
  EXPECT_EQ(intervals->count(), 3U);
}

TEST(MetricsIntervalsTest, WhatIsNoRangeIsRefused) {
  EXPECT_FALSE(MetricsIntervals::Make(Range(10, 10, 1)).has_value());
  EXPECT_FALSE(MetricsIntervals::Make(Range(11, 10, 1)).has_value());
  EXPECT_FALSE(MetricsIntervals::Make(Range(1, 10, 0)).has_value());
  EXPECT_FALSE(MetricsIntervals::Make(Range(1, UINT64_MAX, kSec)).has_value());
  EXPECT_FALSE(MetricsIntervals::Make(Range(1, 10, UINT64_MAX)).has_value());
  const auto many = MetricsIntervals::Make(Range(1'000'000, 2'000'000, 1));
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().code(), StatusCode::kInvalidArgument);
}

TEST(MetricsIntervalsTest, EveryPointIsPlacedAsDivisionPlacesIt) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const uint64_t step = 1 + random() % (uint64_t{1} << (random() % 44));
    const uint64_t start = uint64_t{1'700'000'000} * kSec + random() % kSec;
    const uint64_t end = start + 1 + random() % (step * 1'000);
    const auto intervals = MetricsIntervals::Make(Range(start, end, step));
    ASSERT_TRUE(intervals.has_value());
    const uint64_t before = start - start % step - step;
    for (uint64_t i = 0; i < 100; ++i) {
      // Often a boundary or its neighbour.
      uint64_t time = intervals->from() + random() % (intervals->to() - intervals->from() + 1);
      if (i % 2 == 0)
        time = std::clamp(time - time % step + i % 3, intervals->from(), intervals->to());
      ASSERT_EQ(intervals->Of(time), (time - before - 1) / step);
    }
  }
}

}  // namespace
}  // namespace tocsin::traceql
