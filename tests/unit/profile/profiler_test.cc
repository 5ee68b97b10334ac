#include "cpp/profile/profiler.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::profile {
namespace {

const Interrupt kNever = [] { return Status(); };

int64_t Sum(const wire::Profile& profile, size_t value) {
  int64_t sum = 0;
  for (const wire::ProfileSample& sample : profile.samples) sum += sample.values[value];
  return sum;
}

/// A thread that does something until it goes.
class Busy {
 public:
  template <class Work>
  explicit Busy(Work work)
      : thread_([this, work] {
          while (!stop_) work();
        }) {}
  ~Busy() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(ProfilerTest, ABusyThreadIsSeenByItsCpuTime) {
  std::atomic<double> x = 1;
  const Busy busy([&] { x = std::sqrt(x + 1); });
  const Result<wire::Profile> profile = TakeCpuProfile(500 * kMillisecond, kNever);
  ASSERT_TRUE(profile.has_value()) << profile.error().ToString();
  EXPECT_THAT(profile->value_types[1].type, "cpu");
  // How much a loaded machine gives the thread is open, not that it is much of nothing.
  EXPECT_GT(Sum(*profile, 1), 0);
  EXPECT_EQ(Sum(*profile, 1), Sum(*profile, 0) * profile->period);
  ASSERT_FALSE(profile->mappings.empty());
  for (const wire::ProfileSample& sample : profile->samples) {
    ASSERT_FALSE(sample.stack.empty());
  }
  const bool in_a_mapping = std::ranges::any_of(profile->samples, [&](const auto& sample) {
    return std::ranges::any_of(profile->mappings, [&](const wire::ProfileMapping& mapping) {
      return sample.stack[0] >= mapping.start && sample.stack[0] < mapping.limit;
    });
  });
  EXPECT_TRUE(in_a_mapping);
}

TEST(ProfilerTest, AllocationsAreCountedAndWhatStaysIsToldApart) {
  std::vector<std::unique_ptr<std::vector<char>>> kept;
  std::thread allocating;
  bool begun = false;
  // Begins within the profile: the first look at the interrupt comes when it runs.
  const Result<wire::Profile> profile = TakeHeapProfile(200 * kMillisecond, [&] {
    if (!begun) {
      begun = true;
      allocating = std::thread([&kept] {
        for (int i = 0; i < 64; ++i) {
          kept.push_back(std::make_unique<std::vector<char>>(4 << 20));
          const std::vector<char> gone(4 << 20);
          EXPECT_EQ(gone.size(), kept.back()->size());
        }
      });
      allocating.join();
    }
    return Status();
  });
  ASSERT_TRUE(profile.has_value()) << profile.error().ToString();
  // 64 of 4 MiB each way, every one of which passes eight marks on average.
  const double mib = 1024.0 * 1024;
  EXPECT_NEAR(static_cast<double>(Sum(*profile, 1)), 512 * mib, 50 * mib);
  EXPECT_NEAR(static_cast<double>(Sum(*profile, 3)), 256 * mib, 40 * mib);
  // Small objects are seen seldom, and count for many then: they are not ours.
  int64_t large = 0;
  for (const wire::ProfileSample& sample : profile->samples) {
    if (sample.values[1] / sample.values[0] > 1 << 20) large += sample.values[0];
  }
  EXPECT_NEAR(static_cast<double>(large), 128, 10);
}

TEST(ProfilerTest, OneOfAKindAtATime) {
  std::atomic<bool> running = false;
  std::atomic<bool> over = false;
  std::thread first([&] {
    const Result<wire::Profile> profile = TakeCpuProfile(10 * kSecond, [&] {
      running = true;
      return over ? Status(CancelledError("nobody waits")) : Status();
    });
    EXPECT_EQ(profile.error().code(), StatusCode::kCancelled);
  });
  while (!running) std::this_thread::yield();
  EXPECT_EQ(TakeCpuProfile(kSecond, kNever).error().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(TakeHeapProfile(kMillisecond, kNever).has_value());
  over = true;
  first.join();
}

TEST(ProfilerTest, ItsTimeIsBounded) {
  EXPECT_EQ(TakeCpuProfile(0, kNever).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(TakeHeapProfile(kLongest + 1, kNever).error().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tocsin::profile
