#include "cpp/base/memory_pool.h"

#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(MemoryPoolTest, WhatIsNotLeftIsRefusedAndNothingTaken) {
  MemoryPool pool(100);
  EXPECT_TRUE(pool.Take(60));
  EXPECT_FALSE(pool.Take(41));
  EXPECT_FALSE(pool.Take(SIZE_MAX));
  EXPECT_EQ(pool.used(), 60U);
  EXPECT_TRUE(pool.Take(40));
  EXPECT_FALSE(pool.Take(1));
  EXPECT_TRUE(pool.Take(0));
  pool.Give(100);
  EXPECT_EQ(pool.used(), 0U);
}

TEST(MemoryPoolTest, ALeaseGivesBackWhatItHolds) {
  MemoryPool pool(100);
  {
    MemoryLease lease(&pool);
    EXPECT_TRUE(lease.Take(50));
    EXPECT_TRUE(lease.Take(30));
    EXPECT_FALSE(lease.Take(21));
    lease.Give(20);
    EXPECT_EQ(pool.used(), 60U);
    lease.Give(1'000);
    EXPECT_EQ(pool.used(), 0U);
    EXPECT_TRUE(lease.Take(7));
  }
  EXPECT_EQ(pool.used(), 0U);
}

TEST(MemoryPoolTest, ALeaseOfNoPoolHasNoBound) {
  MemoryLease lease(nullptr);
  EXPECT_TRUE(lease.Take(SIZE_MAX));
  EXPECT_TRUE(lease.Take(SIZE_MAX));
}

TEST(MemoryPoolTest, ThreadsTogetherNeverHoldMoreThanTheLimit) {
  MemoryPool pool(1'000);
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (size_t i = 1; i <= 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 2'000; ++round) {
        MemoryLease lease(&pool);
        if (lease.Take(i * 150) && pool.used() > pool.limit()) over = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(pool.used(), 0U);
}

}  // namespace
}  // namespace tocsin
