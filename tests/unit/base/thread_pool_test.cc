#include "cpp/base/thread_pool.h"

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(ThreadPoolTest, ThreadsAreAddedWhileAllAreBusy) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t inside = 0;
  ThreadPool pool("growing", 1, 5, 100);
  // Each waits for all: this ends only if there come to be five threads.
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(pool.TrySubmit([&] {
      std::unique_lock lock(mutex);
      ++inside;
      changed.notify_all();
      changed.wait(lock, [&] { return inside == 5; });
    }));
  }
  pool.Stop();
  EXPECT_EQ(inside, 5U);
}

TEST(ThreadPoolTest, BeyondItsBoundsWorkWaitsAndIsRefused) {
  std::mutex gate;
  gate.lock();
  size_t runs = 0;
  ThreadPool pool("bounded", 1, 2, 3);
  const auto task = [&] {
    const std::lock_guard wait(gate);
    ++runs;
  };
  size_t taken = 0;
  while (pool.TrySubmit(task)) ++taken;
  EXPECT_GE(taken, 3U) << "the queue";
  EXPECT_LE(taken, 5U) << "and both threads";
  gate.unlock();
  pool.Stop();
  EXPECT_EQ(runs, taken);
}

}  // namespace
}  // namespace tocsin
