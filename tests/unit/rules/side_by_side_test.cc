// Groups that several threads evaluate, and files that are loaded meanwhile.

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/telemetry.h"
#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

/// Takes everything, from any thread.
class Everything : public SampleSink, public AlertSink, public StateStore {
 public:
  SeriesRef Ref(const Labels& /*labels*/) override { return 1; }
  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    const std::lock_guard lock(mutex_);
    samples_ += batch.samples.size();
    AppendOutcome outcome;
    outcome.samples = batch.samples.size();
    return outcome;
  }
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}
  void Send(std::span<const Alert> /*alerts*/) override {}
  Status Save(std::span<const StateChange> /*changes*/) override { return {}; }
  Result<std::vector<std::pair<std::string, std::string>>> Load() const override {
    return std::vector<std::pair<std::string, std::string>>();
  }

  size_t samples() const {
    const std::lock_guard lock(mutex_);
    return samples_;
  }

 private:
  mutable std::mutex mutex_;
  size_t samples_ = 0;
};

/// Answers 1, but `slow` only once it is let go.
class Answers {
 public:
  Result<QueryAnswer> operator()(std::string_view text) {
    std::unique_lock lock(mutex_);
    if (text == "slow") {
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return released_; });
    }
    return QueryAnswer({{Labels(), 1}});
  }
  void AwaitSlow(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return waiting_ >= count; });
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool released_ = false;
};

class SideBySideTest : public testing::Test {
 protected:
  SideBySideTest()
      : manager_({}, Ports{[this](const promql::Expr&, std::string_view text, Millis) {
                             return answers_(text);
                           },
                           sink_, sink_, sink_, Telemetry::None(), Clock::Real(), nullptr,
                           [this] { ++wakes_; }}) {}

  void Load(std::string_view text) {
    std::vector<RuleFile> files;
    files.push_back(*ParseRuleFile("r.yaml", text));
    ASSERT_TRUE(manager_.Load(std::move(files), kStart).ok());
  }
  std::string Health(size_t group) const { return manager_.Groups().at(group)->rules.at(0).health; }

  static constexpr Nanos kDue = kStart + kMinute;  ///< By then every group is due.
  std::atomic<int> wakes_ = 0;
  Answers answers_;
  Everything sink_;
  Manager manager_;
};

constexpr std::string_view kSlowAndFast = R"(groups:
- {name: a, rules: [{record: one, expr: slow}]}
- {name: b, rules: [{record: two, expr: fast}]}
)";

TEST_F(SideBySideTest, ASlowGroupHoldsUpNoOther) {
  Load(kSlowAndFast);
  std::thread slow([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  const Nanos next = manager_.RunDue(kDue);
  EXPECT_EQ(Health(0), "unknown");
  EXPECT_EQ(Health(1), "ok");
  EXPECT_NE(next, kNever);
  answers_.Release();
  slow.join();
  EXPECT_EQ(Health(0), "ok");
}

TEST_F(SideBySideTest, ASlowRuleHoldsUpNoneThatHasNothingToDoWithIt) {
  Load(
      "groups: [{name: a, rules: [{record: one, expr: slow}, {record: two, expr: slow},"
      " {record: three, expr: fast}]}]");
  std::thread owner([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  std::thread helper([this] { manager_.RunDue(kDue); });
  // Both at once: neither waits for the other.
  answers_.AwaitSlow(2);
  EXPECT_EQ(manager_.RunDue(kDue), kDue) << "there was a rule to be evaluated";
  EXPECT_EQ(sink_.samples(), 1U);
  EXPECT_EQ(manager_.RunDue(kDue), kNever) << "there was none";
  answers_.Release();
  owner.join();
  helper.join();
  EXPECT_EQ(sink_.samples(), 3U);
}

// A group of two rules of which the second must wait for the first, which is slow.
class InOrderTest : public SideBySideTest, public testing::WithParamInterface<const char*> {};

TEST_P(InOrderTest, TheSecondWaitsForTheFirst) {
  Load(std::string("groups: [{name: a, rules: [").append(GetParam()).append("]}]"));
  std::thread owner([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  EXPECT_EQ(manager_.RunDue(kDue), kNever);
  EXPECT_EQ(sink_.samples(), 0U);
  answers_.Release();
  owner.join();
  EXPECT_EQ(sink_.samples(), 2U);
}

constexpr const char* kReadsWhatTheFirstWrites =
    "{record: fast, expr: slow}, {record: two, expr: fast}";
constexpr const char* kMayWriteTheSameSeries =
    "{record: one, expr: slow}, {record: one, expr: fast}";
INSTANTIATE_TEST_SUITE_P(Rules, InOrderTest,
                         testing::Values(kReadsWhatTheFirstWrites, kMayWriteTheSameSeries));

TEST_F(SideBySideTest, OthersAreWokenForAGroupThatWasSlow) {
  Load("groups: [{name: a, rules: [{record: one, expr: slow}, {record: two, expr: fast}]}]");
  EXPECT_EQ(wakes_, 0);
  std::thread owner([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  EXPECT_EQ(wakes_, 0) << "how slow it is was not known";
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  answers_.Release();
  owner.join();
  manager_.RunDue(kDue + kMinute);
  EXPECT_EQ(wakes_, 1);
}

TEST_F(SideBySideTest, OneGroupIsNeverEvaluatedTwiceAtOnce) {
  Load("groups: [{name: a, rules: [{record: one, expr: slow}]}]");
  std::thread slow([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  EXPECT_EQ(manager_.RunDue(kDue + kHour), kNever);
  answers_.Release();
  slow.join();
  EXPECT_EQ(sink_.samples(), 1U);
}

TEST_F(SideBySideTest, ALoadLeavesAloneWhatIsBeingEvaluatedAndStays) {
  Load(kSlowAndFast);
  std::thread slow([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  // The slow group moves to another place among the groups, but says what it said.
  Load(
      "groups:\n- {name: '0', rules: [{record: new, expr: fast}]}\n"
      "- {name: a, rules: [{record: one, expr: slow}]}\n");
  EXPECT_EQ(manager_.Groups().size(), 2U);
  answers_.Release();
  slow.join();
  manager_.RunDue(kDue);
  EXPECT_EQ(manager_.Groups().at(1)->name, "a");
  EXPECT_EQ(Health(1), "ok");
  EXPECT_EQ(Health(0), "ok");
}

TEST_F(SideBySideTest, ALoadWaitsForTheGroupsItChanges) {
  Load(kSlowAndFast);
  std::thread slow([this] { manager_.RunDue(kDue); });
  answers_.AwaitSlow(1);
  std::thread load([this] { Load("groups: [{name: a, rules: [{record: one, expr: fast}]}]"); });
  answers_.Release();
  load.join();
  slow.join();
  EXPECT_EQ(manager_.Groups().size(), 1U);
  EXPECT_EQ(manager_.Groups().at(0)->rules.at(0).query, "fast");
  manager_.RunDue(kDue + kMinute);
  EXPECT_EQ(Health(0), "ok");
}

TEST_F(SideBySideTest, ManyThreadsEvaluateEachGroupOnceATurn) {
  std::string text = "groups:\n";
  for (int i = 0; i < 50; ++i) {
    text += "- {name: g" + std::to_string(i) + ", rules: [{record: a, expr: fast}]}\n";
  }
  Load(text);
  constexpr int kTurns = 20;
  constexpr int kThreads = 4;
  std::barrier turn_over(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, &turn_over] {
      for (int turn = 1; turn <= kTurns; ++turn) {
        manager_.RunDue(kStart + turn * kMinute);
        turn_over.arrive_and_wait();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sink_.samples(), 50U * kTurns);
}

}  // namespace
}  // namespace tocsin::rules
