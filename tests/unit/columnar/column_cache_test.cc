#include "storage/columnar/column_cache.h"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::storage {
namespace {

class Block final : public Cached {
 public:
  explicit Block(size_t bytes) : bytes_(bytes) {}
  size_t MemoryBytes() const override { return bytes_; }

 private:
  size_t bytes_;
};

// As a reader does: asks, and puts what was not there.
bool Ask(ColumnCache& cache, uint32_t column, size_t bytes = 10'000) {
  if (cache.Get({1, column, 0}) != nullptr) return true;
  cache.Put({1, column, 0}, std::make_shared<Block>(bytes));
  return false;
}

// Ten entries of 10,000 bytes fit on the shelf of columns.
constexpr size_t kBudget = 140'000;

TEST(ColumnCacheTest, WhatIsAskedForMoreOftenTakesThePlaceOfTheLeastRecentlyUsed) {
  ColumnCache cache(kBudget);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_FALSE(Ask(cache, i));
  EXPECT_TRUE(Ask(cache, 0));  // Used now: 1 is the oldest.
  EXPECT_FALSE(Ask(cache, 10));
  EXPECT_FALSE(Ask(cache, 10));  // Now it was asked for more often than 1.
  EXPECT_TRUE(Ask(cache, 10));
  EXPECT_TRUE(Ask(cache, 0));
  EXPECT_EQ(cache.Get({1, 1, 0}), nullptr);
  EXPECT_EQ(cache.Get({1, 0, 1}), nullptr);
  EXPECT_LE(cache.bytes(), kBudget);
}

TEST(ColumnCacheTest, WantsWhatItHasAndWhatWasAskedForIfThereIsRoom) {
  ColumnCache cache(kBudget);
  EXPECT_FALSE(cache.Wants({1, 0, 0}, 10'000));  // Perhaps nobody will ask again.
  EXPECT_TRUE(cache.Wants({1, 0, 0}, 10'000));
  EXPECT_FALSE(cache.Wants({1, 0, 0}, 100'000));  // An entry as large is not kept.
  for (uint32_t i = 1; i < 11; ++i) Ask(cache, i);
  for (uint32_t i = 1; i < 11; ++i) EXPECT_TRUE(cache.Wants({1, i, 0}, 10'000));
  // Full, of entries that were asked for once.
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(cache.Wants({1, 20, 0}, 10'000));
  EXPECT_TRUE(cache.Wants({1, 20, 0}, 10'000));
  EXPECT_FALSE(Ask(cache, 20));
  EXPECT_TRUE(Ask(cache, 20));
  EXPECT_FALSE(ColumnCache(0).Wants({1, 1, 0}, 1));
}

TEST(ColumnCacheTest, WhoAsksForMoreThanFitsFindsWhatDoes) {
  ColumnCache cache(kBudget);
  for (int round = 0; round < 5; ++round) {
    int found = 0;
    for (uint32_t i = 0; i < 20; ++i) found += Ask(cache, i) ? 1 : 0;
    EXPECT_GE(found, round == 0 ? 0 : 8);
  }
}

TEST(ColumnCacheTest, WhatWasPopularIsForgotten) {
  ColumnCache cache(kBudget);
  for (int round = 0; round < 20; ++round) {
    for (uint32_t i = 0; i < 10; ++i) Ask(cache, i);
  }
  int rounds = 0;
  for (int found = 0; found < 8 && rounds < 100'000; ++rounds) {
    found = 0;
    for (uint32_t i = 100; i < 110; ++i) found += Ask(cache, i) ? 1 : 0;
  }
  EXPECT_LT(rounds, 100);
}

TEST(ColumnCacheTest, ColumnsDoNotPushOutDirectories) {
  ColumnCache cache(kBudget);
  cache.Put({1, 0, 2}, std::make_shared<Block>(1'000), Shelf::kDirectories);
  for (int round = 0; round < 5; ++round) {
    for (uint32_t i = 0; i < 50; ++i) Ask(cache, i);
  }
  EXPECT_NE(cache.Get({1, 0, 2}, Shelf::kDirectories), nullptr);
  EXPECT_EQ(cache.Get({1, 0, 2}), nullptr);
}

TEST(ColumnCacheTest, AnEntryLargerThanAnEighthOfItsShelfIsNotKept) {
  ColumnCache cache(100'000);
  cache.Put({1, 1, 0}, std::make_shared<Block>(13'000));
  EXPECT_EQ(cache.Get({1, 1, 0}), nullptr);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(ColumnCacheTest, ReplacesAndErasesBySegment) {
  ColumnCache cache(100'000);
  const auto second = std::make_shared<Block>(200);
  cache.Put({1, 1, 0}, std::make_shared<Block>(100));
  cache.Put({1, 1, 0}, second);
  EXPECT_EQ(cache.Get({1, 1, 0}), second);
  cache.Put({2, 1, 0}, std::make_shared<Block>(100));
  cache.Erase(1);
  EXPECT_EQ(cache.Get({1, 1, 0}), nullptr);
  EXPECT_NE(cache.Get({2, 1, 0}), nullptr);
  cache.Erase(2);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(ColumnCacheTest, IsUsedByManyThreads) {
  ColumnCache cache(50'000);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (uint32_t i = 0; i < 5'000; ++i) {
        cache.Put({t, i % 50, 0}, std::make_shared<Block>(i % 2'000));
        cache.Get({(t + 1) % 4, i % 50, 0});
        if (i % 1'000 == 0) cache.Erase(t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.bytes(), 50'000U);
}

}  // namespace
}  // namespace tocsin::storage
