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

TEST(ColumnCacheTest, KeepsWhatWasUsedLast) {
  ColumnCache cache(100'000);
  for (uint32_t i = 0; i < 9; ++i) cache.Put({1, i, 0}, std::make_shared<Block>(10'000));
  EXPECT_NE(cache.Get({1, 0, 0}), nullptr);  // Used now: 1 is the oldest.
  cache.Put({1, 9, 0}, std::make_shared<Block>(10'000));
  EXPECT_NE(cache.Get({1, 0, 0}), nullptr);
  EXPECT_EQ(cache.Get({1, 1, 0}), nullptr);
  EXPECT_NE(cache.Get({1, 9, 0}), nullptr);
  EXPECT_EQ(cache.Get({1, 9, 1}), nullptr);
  EXPECT_LE(cache.bytes(), 100'000U);
}

TEST(ColumnCacheTest, AnEntryLargerThanAnEighthIsNotKept) {
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
