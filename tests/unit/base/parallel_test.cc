#include "cpp/base/parallel.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(RunPartsTest, WithoutAPoolThePartsRunInOrderOnTheCallersThread) {
  std::vector<size_t> order;
  const auto caller = std::this_thread::get_id();
  RunParts(nullptr, 4, [&](size_t part) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(part);
  });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3}));
}

TEST(RunPartsTest, EachPartRunsOnceAndAllHaveEndedOnReturn) {
  ThreadPool pool("parts", 3, 16);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::atomic<int>> runs(7);
    RunParts(&pool, runs.size(), [&](size_t part) { ++runs[part]; });
    for (const std::atomic<int>& count : runs) EXPECT_EQ(count.load(), 1);
  }
}

TEST(RunPartsTest, PartsRunAtTheSameTime) {
  ThreadPool pool("parts", 1, 16);
  std::mutex mutex;
  std::condition_variable both;
  int inside = 0;
  // Each waits for the other: this ends only if two threads work.
  RunParts(&pool, 2, [&](size_t) {
    std::unique_lock lock(mutex);
    ++inside;
    both.notify_all();
    both.wait(lock, [&] { return inside == 2; });
  });
  EXPECT_EQ(inside, 2);
}

TEST(RunPartsTest, ABusyPoolAndAStoppedOneLeaveTheWorkToTheCaller) {
  ThreadPool busy("busy", 1, 16);
  std::mutex gate;
  gate.lock();
  ASSERT_TRUE(busy.TrySubmit([&gate] { const std::lock_guard wait(gate); }));
  int runs = 0;
  RunParts(&busy, 3, [&](size_t) { ++runs; });
  EXPECT_EQ(runs, 3);
  gate.unlock();

  busy.Stop();
  RunParts(&busy, 3, [&](size_t) { ++runs; });
  EXPECT_EQ(runs, 6);
}

TEST(RunPartsTest, OfNoPartsNothingRuns) {
  RunParts(nullptr, 0, [](size_t) { FAIL(); });
}

}  // namespace
}  // namespace tocsin
