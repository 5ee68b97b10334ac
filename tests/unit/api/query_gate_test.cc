// At most so many at once, at most so many waiting, and the rest is told so.

#include "cpp/api/query_gate.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::api {
namespace {

TEST(QueryGateTest, RefusesWhatNeitherRunsNorMayWait) {
  QueryGate gate(1, 0);
  std::optional<QueryGate::Pass> pass(gate.Enter().value());
  EXPECT_EQ(gate.Enter().error().code(), StatusCode::kResourceExhausted);
  pass.reset();
  EXPECT_TRUE(gate.Enter().has_value());
}

TEST(QueryGateTest, NeverMoreAtOnceThanAllowed) {
  QueryGate gate(3, 100);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        const auto pass = gate.Enter();
        ASSERT_TRUE(pass.has_value());
        const int now = ++inside;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 3);
}

TEST(QueryGateTest, WaitingEndsWhenItIsInterrupted) {
  QueryGate gate(1, 1);
  std::optional<QueryGate::Pass> pass(gate.Enter().value());
  int asked = 0;
  const auto refused = gate.Enter([&]() -> Status {
    if (++asked < 3) return {};
    return CancelledError("the client has gone");
  });
  EXPECT_EQ(refused.error().code(), StatusCode::kCancelled);
  // It waits no more, so that another one may.
  std::thread other([&] { EXPECT_TRUE(gate.Enter([] { return Status(); }).has_value()); });
  pass.reset();
  other.join();
}

}  // namespace
}  // namespace tocsin::api
