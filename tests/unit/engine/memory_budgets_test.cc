#include "cpp/engine/memory_budgets.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace tocsin::engine {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

MemoryBudgets Of(uint64_t limit, const config::Config& config = {}) {
  return DivideMemory(config, {limit, "test"});
}

TEST(MemoryBudgetsTest, TheyAddUpToNoMoreThanIsPlanned) {
  for (uint64_t limit = 200 * kMiB; limit < 64 * kGiB; limit += limit / 7) {
    const MemoryBudgets budgets = Of(limit);
    EXPECT_LE(budgets.Sum(), budgets.planned) << limit;
    EXPECT_LE(budgets.planned, limit / 10 * 8 + 10) << limit;
    EXPECT_TRUE(budgets.enough()) << limit;
  }
}

TEST(MemoryBudgetsTest, WhatIsPlannedIsUsedUntilAllHaveEnough) {
  for (const uint64_t limit : {256 * kMiB, kGiB, 2 * kGiB, 4 * kGiB}) {
    const MemoryBudgets budgets = Of(limit);
    EXPECT_GE(budgets.Sum() + kMiB, budgets.planned) << limit;
  }
}

TEST(MemoryBudgetsTest, ALargeMachineHasTheDefaults) {
  EngineOptions defaults;
  EngineOptions options;
  const MemoryBudgets budgets = Of(64 * kGiB);
  ApplyBudgets(budgets, &options);
  EXPECT_EQ(options.spans.live_bytes_budget, defaults.spans.live_bytes_budget);
  EXPECT_EQ(options.spans.cache_bytes, defaults.spans.cache_bytes);
  EXPECT_EQ(options.spans.max_merge_bytes, defaults.spans.max_merge_bytes);
  EXPECT_EQ(options.spans.max_recent_requests, defaults.spans.max_recent_requests);
  const config::Config config;
  EXPECT_EQ(options.series.max_series, config.series.max_series);
  EXPECT_EQ(options.series.max_exemplars, config.series.max_exemplars);
  EXPECT_EQ(options.metrics.max_active_series, config.metrics_generator.max_active_series);
  EXPECT_EQ(budgets.max_request_bytes, config.receivers.max_request_bytes);
  EXPECT_EQ(budgets.max_shards, UINT32_MAX);
}

TEST(MemoryBudgetsTest, ASmallContainerHoldsTwentyThousandSeries) {
  const MemoryBudgets budgets = Of(256 * kMiB);
  EXPECT_GE(budgets.max_series, 20'000U);
  EXPECT_LT(budgets.max_active_series, budgets.max_series);
  EXPECT_GE(budgets.max_request_bytes, 8 * kMiB);
  EXPECT_LE(3 * budgets.max_request_bytes, budgets.requests);
  EXPECT_LT(budgets.live_rows, 64 * kMiB);
}

TEST(MemoryBudgetsTest, MoreMemoryTakesNothingAway) {
  MemoryBudgets before = Of(64 * kMiB);
  for (uint64_t limit = 72 * kMiB; limit < 16 * kGiB; limit += limit / 9) {
    const MemoryBudgets budgets = Of(limit);
    for (size_t i = 0; i < budgets.All().size(); ++i) {
      EXPECT_GE(budgets.All()[i].second + 1, before.All()[i].second) << budgets.All()[i].first;
    }
    before = budgets;
  }
}

TEST(MemoryBudgetsTest, TooLittleIsSaidAndStillWorks) {
  for (const uint64_t limit : {uint64_t{1}, kMiB, 64 * kMiB}) {
    const MemoryBudgets budgets = Of(limit);
    EXPECT_FALSE(budgets.enough());
    EXPECT_GT(budgets.max_series, 0U);
    EXPECT_GT(budgets.max_exemplars, 0U);
    EXPECT_GT(budgets.max_recent_requests, 0U);
    EXPECT_GE(budgets.max_shards, 1U);
  }
}

TEST(MemoryBudgetsTest, TheConfigurationCanOnlyLowerTheLimit) {
  config::Config config;
  config.memory.limit = kGiB;
  EXPECT_EQ(Of(8 * kGiB, config).limit.bytes, kGiB);
  EXPECT_EQ(Of(8 * kGiB, config).limit.source, "memory.limit");
  EXPECT_EQ(Of(256 * kMiB, config).limit.bytes, 256 * kMiB);
  EXPECT_EQ(Of(256 * kMiB, config).limit.source, "test");
  config.memory.ratio = 0.5;
  EXPECT_EQ(Of(8 * kGiB, config).planned, kGiB / 2);
  config.memory.ratio = 1;
  EXPECT_EQ(Of(8 * kGiB, config).planned, kGiB);
}

TEST(MemoryBudgetsTest, WhatIsConfiguredIsNotExceeded) {
  config::Config config;
  config.series.max_series = 500;
  config.series.max_exemplars = 0;
  config.metrics_generator.max_active_series = 7;
  config.receivers.max_request_bytes = 1000;
  const MemoryBudgets budgets = Of(64 * kGiB, config);
  EXPECT_EQ(budgets.max_series, 500U);
  EXPECT_EQ(budgets.max_exemplars, 0U);
  EXPECT_EQ(budgets.max_active_series, 7U);
  EXPECT_EQ(budgets.max_request_bytes, 1000U);
}

TEST(MemoryBudgetsTest, MoreIsTakenWhereMoreIsConfiguredAndThere) {
  config::Config config;
  config.series.max_series = 3'000'000;
  config.metrics_generator.max_active_series = 0;
  EXPECT_EQ(Of(64 * kGiB, config).max_series, 3'000'000U);
  EXPECT_EQ(Of(64 * kGiB, config).max_active_series, 2'250'000U);
  EXPECT_LT(Of(kGiB, config).max_series, 200'000U);
}

TEST(MemoryBudgetsTest, RemoteWritesShareTheirQueues) {
  config::Config config;
  config.remote_write.resize(2);
  const MemoryBudgets small = Of(256 * kMiB, config);
  EXPECT_GE(small.max_shards, 1U);
  EXPECT_LT(small.max_shards, 10U);
  EXPECT_GE(Of(64 * kGiB, config).max_shards, config.remote_write[0].max_shards);
}

}  // namespace
}  // namespace tocsin::engine
