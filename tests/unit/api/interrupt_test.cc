// When a running query ends early.

#include "cpp/api/interrupt.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace tocsin::api {
namespace {

TEST(InterruptTest, NothingInterruptsByItself) {
  EXPECT_TRUE(InterruptWhen({}, 0)().ok());
  EXPECT_TRUE(InterruptWhen([] { return false; }, kHour)().ok());
}

TEST(InterruptTest, TheClientHasGone) {
  std::atomic<bool> gone = false;
  const auto interrupted = InterruptWhen([&] { return gone.load(); }, 0);
  EXPECT_TRUE(interrupted().ok());
  gone = true;
  while (interrupted().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(interrupted().code(), StatusCode::kCancelled);
  gone = false;
  EXPECT_EQ(interrupted().code(), StatusCode::kCancelled) << "it does not come back";
}

TEST(InterruptTest, TimeIsOver) {
  const auto interrupted = InterruptWhen({}, 1);
  EXPECT_EQ(interrupted().code(), StatusCode::kDeadlineExceeded);
}

TEST(InterruptTest, TheClientIsNotAskedAllTheTime) {
  std::atomic<int> asked = 0;
  const auto interrupted = InterruptWhen(
      [&] {
        ++asked;
        return false;
      },
      0);
  const auto start = std::chrono::steady_clock::now();
  int questions = 0;
  while (questions < 100'000) {
    ASSERT_TRUE(interrupted().ok());
    ++questions;
  }
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LE(asked, took / std::chrono::milliseconds(5) + 1);
}

}  // namespace
}  // namespace tocsin::api
