// The queue: shards, their number, and how far it is with the log when requests overtake each
// other.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/deliver/remote_write.h"
#include "cpp/deliver/remote_write_progress.h"
#include "cpp/deliver/remote_write_rates.h"
#include "tests/unit/deliver/fake_log.h"
#include "tests/unit/deliver/fake_receiver.h"
#include "tests/unit/model/fake_state.h"

namespace tocsin::deliver {
namespace {

std::vector<std::pair<Millis, double>> PairsOf(std::span<const Sample> samples) {
  std::vector<std::pair<Millis, double>> pairs;
  for (const Sample& sample : samples) pairs.emplace_back(sample.t, sample.v);
  return pairs;
}

LogPosition At(uint64_t offset) { return {.segment = 0, .offset = offset, .index = 0}; }

TEST(WriteProgress, TheOldestThatIsNotDoneHoldsThePosition) {
  WriteProgress progress(At(0));
  const WriteTicket first = progress.Open(At(1), 2);
  const WriteTicket second = progress.Open(At(2), 1);
  EXPECT_FALSE(progress.idle());
  progress.Done(second, 1);
  EXPECT_EQ(progress.position(), At(0));
  progress.Done(first, 1);
  EXPECT_EQ(progress.position(), At(0));
  progress.Done(first, 1);
  EXPECT_EQ(progress.position(), At(2));
  EXPECT_TRUE(progress.idle());
  progress.Open(At(3), 0);
  EXPECT_EQ(progress.position(), At(3)) << "of which nothing is to be sent";
}

TEST(WriteRates, ShardsFollowWhatIsNeeded) {
  WriteRates rates;
  EXPECT_EQ(rates.Desired(3, 1, 50, 0), 3U) << "nothing is known yet";
  // 1,000 items a second come in and go out, each takes a shard 4 ms.
  rates.In(10'000);
  rates.Out(10'000, 40 * kSecond);
  rates.Tick(10);
  EXPECT_EQ(rates.Desired(1, 1, 50, 0), 4U);
  EXPECT_EQ(rates.Desired(1, 1, 2, 0), 2U) << "at most";
  EXPECT_EQ(rates.Desired(4, 1, 50, 0), 4U);
  EXPECT_EQ(rates.Desired(5, 1, 50, 0), 5U) << "near enough";
  EXPECT_EQ(rates.Desired(20, 1, 50, 0), 4U);
  EXPECT_EQ(rates.Desired(10, 1, 50, 60), 16U) << "a minute behind, of which 5% a second";
  EXPECT_EQ(rates.Desired(30, 1, 50, 60), 30U) << "not fewer while it is behind";
  EXPECT_EQ(rates.Desired(20, 6, 50, 0), 6U) << "at least";
}

TEST(WriteRates, WhatIsDroppedNeedsNoShards) {
  WriteRates rates;
  rates.In(10'000);
  rates.Dropped(9'000);
  rates.Out(1'000, 40 * kSecond);
  rates.Tick(10);
  EXPECT_EQ(rates.Desired(1, 1, 50, 0), 4U);
}

class WriteQueue : public testing::Test {
 protected:
  WriteQueue() {
    options_.name = "one";
    options_.url = "http://prometheus:9090/api/v1/write";
    options_.batch_send_deadline = 0;
    options_.max_age = 0;
  }

  void Open(const Clock* clock) {
    writer_.reset();
    RemoteWritePorts ports;
    ports.labels = log_.get();
    ports.state = &state_;
    ports.clock = clock;
    ports.telemetry = &telemetry_;
    ports.fetch = [this](const http::ClientRequest& request) { return receiver_(request); };
    writer_ =
        std::make_unique<RemoteWriter>(options_, log_->Open(*SavedPosition(state_, "one")), ports);
  }
  void Append(int series, Millis t) {
    log_->Append({{"__name__", "m" + std::to_string(series)}},
                 {kStartMs + t, static_cast<double>(t)});
  }
  uint64_t SavedOffset() { return (*SavedPosition(state_, "one"))->offset; }

  VirtualClock clock_{kStart};
  FakeReceiver receiver_;
  FakeState state_;
  FakeTelemetry telemetry_;
  std::unique_ptr<FakeLog> log_ = std::make_unique<FakeLog>();
  RemoteWriteOptions options_;
  std::unique_ptr<RemoteWriter> writer_;
};

TEST_F(WriteQueue, EveryHistoryOfShardsDeliversEverySampleInOrder) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    options_.min_shards = 1 + static_cast<uint32_t>(random() % 5);
    options_.max_samples_per_send = 1 + random() % 20;
    options_.capacity = options_.max_samples_per_send;
    writer_.reset();
    log_ = std::make_unique<FakeLog>();
    receiver_.series.clear();
    state_.entries.clear();
    receiver_.Fail(204);
    std::map<int, std::vector<Sample>> expected;
    Open(&clock_);
    Millis t = 0;
    for (int step = 0; step < 100; ++step) {
      ++t;
      for (uint64_t n = random() % 10; n > 0; --n) {
        const auto series = static_cast<int>(random() % 12);
        auto& samples = expected[series];
        if (!samples.empty() && samples.back().t == kStartMs + t) continue;
        samples.push_back({kStartMs + t, static_cast<double>(t)});
        Append(series, t);
      }
      if (random() % 10 == 0) receiver_.Fail(503, 1 + static_cast<int>(random() % 5));
      clock_.Advance(writer_->Step());
      if (random() % 20 == 0) {  // kill -9, and other settings.
        options_.min_shards = 1 + static_cast<uint32_t>(random() % 5);
        Open(&clock_);
      }
    }
    receiver_.Fail(204);
    for (int i = 0; i < 1'000; ++i) clock_.Advance(writer_->Step());
    for (const auto& [series, samples] : expected) {
      const std::vector<Sample> got = receiver_.SamplesOf("m" + std::to_string(series));
      ASSERT_EQ(PairsOf(got), PairsOf(samples));
    }
  }
}

TEST_F(WriteQueue, ThePositionDoesNotPassWhatAStuckShardHolds) {
  options_.min_shards = 8;
  options_.max_samples_per_send = 1;
  Open(&clock_);
  for (int i = 0; i < 40; ++i) Append(i, 1);
  receiver_.stuck = "m0";  // Whatever has this series fails.
  for (int i = 0; i < 200; ++i) clock_.Advance(std::min(writer_->Step(), kSecond));
  EXPECT_EQ(SavedOffset(), 0U);
  EXPECT_GT(telemetry_["samples_total"], 20) << "the other shards go on";
  receiver_.stuck.clear();
  for (int i = 0; i < 200; ++i) clock_.Advance(std::min(writer_->Step(), kSecond));
  EXPECT_EQ(telemetry_["samples_total"], 40);
  EXPECT_EQ(SavedOffset(), 40U);
}

TEST_F(WriteQueue, WhatWaitsInMemoryIsBounded) {
  options_.capacity = 100;
  options_.max_samples_per_send = 10;
  Open(&clock_);
  receiver_.Fail(503);
  for (int i = 0; i < 5'000; ++i) Append(0, i);
  for (int i = 0; i < 50; ++i) clock_.Advance(writer_->Step());
  EXPECT_LE(telemetry_.gauges["prometheus_remote_storage_samples_pending"].value, 111);
  EXPECT_GT(telemetry_["enqueue_retries_total"], 0);
  receiver_.Fail(204);
  for (int i = 0; i < 2'000; ++i) clock_.Advance(writer_->Step());
  EXPECT_EQ(receiver_.SamplesOf("m0").size(), 5'000U);
  EXPECT_EQ(telemetry_.gauges["prometheus_remote_storage_samples_pending"].value, 0);
}

TEST_F(WriteQueue, ShardsAreAddedWhileTheReceiverIsSlow) {
  options_.max_samples_per_send = 10;
  options_.capacity = 100;
  Open(&clock_);
  EXPECT_EQ(writer_->shards(), 1U);
  receiver_.delay = [this] { clock_.Advance(50 * kMillisecond); };
  SampleBatch batch;
  const FakeLog labels;
  Millis t = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<RefSample> samples;
    ++t;
    for (int series = 0; series < 40; ++series) {
      Append(series, t);
      samples.push_back({1, {kStartMs + t, 1}});
    }
    batch.samples = samples;
    writer_->OnAppend(batch, labels);
    clock_.Advance(50 * kMillisecond);
    for (int i = 0; i < 2; ++i) clock_.Advance(std::min(writer_->Step(), kMillisecond));
  }
  EXPECT_GT(writer_->shards(), 1U);
  EXPECT_EQ(telemetry_.gauges["prometheus_remote_storage_shards"].value,
            static_cast<double>(writer_->shards()));
  for (int i = 0; i < 5'000; ++i) clock_.Advance(writer_->Step());
  for (int series = 0; series < 40; ++series) {
    EXPECT_EQ(receiver_.SamplesOf("m" + std::to_string(series)).size(), 400U) << series;
  }
  EXPECT_EQ(telemetry_["samples_failed_total"], 0) << "in order, or the receiver had refused it";
}

TEST_F(WriteQueue, ManyShardsOnThreadsDeliverEverything) {
  options_.min_shards = 6;
  options_.max_samples_per_send = 20;
  options_.capacity = 50;
  options_.batch_send_deadline = 10 * kMillisecond;
  options_.min_backoff = kMillisecond;
  options_.max_backoff = 2 * kMillisecond;
  Open(&Clock::Real());
  writer_->Start();
  const FakeLog labels;
  for (int t = 0; t < 200; ++t) {
    if (t % 50 == 10) receiver_.Fail(503, 5);
    for (int series = 0; series < 15; ++series) Append(series, t);
    writer_->OnAppend({}, labels);
  }
  receiver_.Fail(204);
  const auto arrived = [this] {
    size_t samples = 0;
    for (int series = 0; series < 15; ++series) {
      samples += receiver_.SamplesOf("m" + std::to_string(series)).size();
    }
    return samples;
  };
  // A request that fails after Stop() has begun would end the sending, which is not this test's.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (arrived() < 3'000 && std::chrono::steady_clock::now() < patience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  writer_->Stop();
  for (int series = 0; series < 15; ++series) {
    EXPECT_EQ(receiver_.SamplesOf("m" + std::to_string(series)).size(), 200U) << series;
  }
  EXPECT_EQ(telemetry_["samples_failed_total"], 0);
  EXPECT_EQ(SavedOffset(), 3'000U);
}

TEST_F(WriteQueue, StoppingDoesNotWaitForABackoff) {
  options_.min_backoff = options_.max_backoff = kHour;
  Open(&Clock::Real());
  receiver_.Fail(503);
  Append(0, 1);
  writer_->Start();
  while (telemetry_["samples_retried_total"] == 0) std::this_thread::yield();
  writer_->Stop(kHour);
  EXPECT_EQ(SavedOffset(), 0U);
}

}  // namespace
}  // namespace tocsin::deliver
