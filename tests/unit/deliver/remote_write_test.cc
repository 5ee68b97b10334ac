// Remote write against a receiver that behaves as Prometheus does, and misbehaves as networks do:
// whatever happens in between, the receiver ends up with every sample that it can take, those of a
// series in their order.

#include "cpp/deliver/remote_write.h"

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/series_store.h"
#include "tests/unit/deliver/fake_receiver.h"
#include "tests/unit/model/fake_state.h"
#include "tests/unit/series/testing.h"

namespace tocsin::deliver {
namespace {

class RemoteWriteTest : public testing::Test {
 protected:
  RemoteWriteTest() {
    options_.name = "one";
    options_.url = "http://prometheus:9090/api/v1/write";
    OpenStore();
    OpenWriter();
  }
  ~RemoteWriteTest() override {
    writer_.reset();
    store_.reset();
  }

  void OpenStore() {
    writer_.reset();
    store_.reset();
    storage::SeriesStoreOptions options;
    options.directory = directory_->path();
    options.clock = &clock_;
    options.log_keep_bytes = log_keep_bytes_;
    auto store = storage::SeriesStore::Open(options);
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    store_ = *std::move(store);
  }
  void OpenWriter() {
    writer_.reset();
    const auto position = SavedPosition(state_, options_.name);
    ASSERT_TRUE(position.has_value()) << position.error().ToString();
    RemoteWritePorts ports;
    ports.labels = store_.get();
    ports.state = &state_;
    ports.clock = &clock_;
    ports.telemetry = &telemetry_;
    ports.fetch = [this](const http::ClientRequest& request) { return receiver_(request); };
    writer_ = std::make_unique<RemoteWriter>(options_, store_->OpenReader(*position), ports);
    writer_->Step();
  }

  void Append(const std::string& name, Millis t, double v) {
    const RefSample sample{store_->Ref({{"__name__", name}}), {kStartMs + t, v}};
    ASSERT_TRUE(store_->Put({.samples = {&sample, 1}}).ok());
  }
  void AppendExemplar(const std::string& name, Millis t, const std::string& trace) {
    const RefExemplar exemplar{store_->Ref({{"__name__", name}}),
                               {Labels{{"trace_id", trace}}, 1.5, kStartMs + t}};
    ASSERT_TRUE(store_->Put({.exemplars = {&exemplar, 1}}).ok());
  }

  /// Steps until there is nothing left to be done within `limit`, moving the clock.
  void Run(Nanos limit = kMinute) {
    const Nanos until = clock_.Now() + limit;
    while (clock_.Now() < until) clock_.Advance(writer_->Step());
  }

  std::optional<TemporaryDirectory> directory_{std::in_place};
  VirtualClock clock_{kStart};
  FakeReceiver receiver_;
  FakeState state_;
  FakeTelemetry telemetry_;
  RemoteWriteOptions options_;
  uint64_t log_keep_bytes_ = UINT64_MAX;
  std::unique_ptr<storage::SeriesStore> store_;
  std::unique_ptr<RemoteWriter> writer_;
};

TEST_F(RemoteWriteTest, ARequestHasTheHeadersAndTheBodyOfTheProtocol) {
  options_.external_labels = {{"cluster", "east"}, {"__name__", "never"}};
  options_.headers = {{"X-Scope-OrgID", "team"}};
  OpenWriter();
  Append("up", 0, 1);
  Append("up", 1, 2);
  Run();
  ASSERT_EQ(receiver_.requests.size(), 1U);
  const http::ClientRequest& request = receiver_.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, options_.url);
  EXPECT_EQ(HeaderOf(request, "Content-Encoding"), "snappy");
  EXPECT_EQ(HeaderOf(request, "Content-Type"), "application/x-protobuf");
  EXPECT_EQ(HeaderOf(request, "X-Prometheus-Remote-Write-Version"), "0.1.0");
  EXPECT_TRUE(HeaderOf(request, "User-Agent").starts_with("Tocsin/"));
  EXPECT_EQ(HeaderOf(request, "Retry-Attempt"), "");
  EXPECT_EQ(HeaderOf(request, "X-Scope-OrgID"), "team");
  EXPECT_EQ(receiver_.SamplesOf(R"(up{cluster="east"})").size(), 2U);
  EXPECT_EQ(telemetry_["samples_total"], 2);
  EXPECT_GT(telemetry_["bytes_total"], 0);
}

TEST_F(RemoteWriteTest, ABatchWaitsForItsDeadlineOrUntilItIsFull) {
  options_.max_samples_per_send = 10;
  OpenWriter();
  Append("m", 0, 1);
  for (int step = 0; step < 9; ++step) {
    EXPECT_GT(writer_->Step(), 0);
    clock_.Advance(500 * kMillisecond);
  }
  EXPECT_TRUE(receiver_.requests.empty());
  clock_.Advance(500 * kMillisecond);
  writer_->Step();
  EXPECT_EQ(receiver_.requests.size(), 1U);

  for (int i = 1; i <= 25; ++i) Append("m", i, 1);
  EXPECT_EQ(writer_->Step(), 0);
  EXPECT_EQ(writer_->Step(), 0);
  EXPECT_GT(writer_->Step(), 0);
  EXPECT_EQ(receiver_.requests.size(), 3U);
  Run();
  EXPECT_EQ(receiver_.requests.size(), 4U);
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 26U);
}

TEST_F(RemoteWriteTest, ExemplarsGoOnlyWhereTheyAreAskedFor) {
  Append("m", 0, 1);
  AppendExemplar("m", 0, "abc");
  Run();
  EXPECT_TRUE(receiver_.exemplars.empty());
  options_.send_exemplars = true;
  OpenWriter();
  AppendExemplar("m", 1, "def");
  Run();
  ASSERT_EQ(receiver_.exemplars["m"].size(), 1U);
  EXPECT_EQ(receiver_.exemplars["m"][0].labels, (Labels{{"trace_id", "def"}}));
  EXPECT_EQ(receiver_.exemplars["m"][0].value, 1.5);
  EXPECT_EQ(receiver_.exemplars["m"][0].t, kStartMs + 1);
  EXPECT_EQ(telemetry_["exemplars_total"], 1);
}

TEST_F(RemoteWriteTest, FailuresOfTheServerAreRetriedWithBackoff) {
  for (const int status : {0, 500, 503}) {
    receiver_.requests.clear();
    receiver_.Fail(status, 9);
    Append("m", status + 1, 1);
    std::vector<Nanos> waits;
    while (receiver_.requests.size() < 10) {
      const Nanos wait = writer_->Step();
      if (receiver_.requests.size() > waits.size()) waits.push_back(wait);
      clock_.Advance(wait);
    }
    waits.pop_back();
    EXPECT_EQ(waits, (std::vector<Nanos>{30 * kMillisecond, 60 * kMillisecond, 120 * kMillisecond,
                                         240 * kMillisecond, 480 * kMillisecond, 960 * kMillisecond,
                                         1'920 * kMillisecond, 3'840 * kMillisecond, 5 * kSecond}))
        << status;
    EXPECT_EQ(HeaderOf(receiver_.requests[9], "Retry-Attempt"), "9");
    EXPECT_EQ(receiver_.requests[9].body, receiver_.requests[0].body);
  }
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 3U);
  EXPECT_EQ(telemetry_["samples_retried_total"], 27);
  EXPECT_EQ(telemetry_["samples_failed_total"], 0);
}

TEST_F(RemoteWriteTest, RetryAfterIsHonoured) {
  const std::vector<std::pair<std::string, Nanos>> cases = {
      {"7", 7 * kSecond},
      {"0", 30 * kMillisecond},
      {"-5", 30 * kMillisecond},
      {"soon", 30 * kMillisecond},
      {"999999999", 5 * kMinute},
      {"Fri, 15 Jan 2027 08:00:20 GMT", 20 * kSecond},  // The clock says 08:00:00.
      {"Fri, 15 Jan 2027 07:00:00 GMT", 30 * kMillisecond},
  };
  options_.batch_send_deadline = 0;
  OpenWriter();
  Millis t = 0;
  for (const auto& [retry_after, expected] : cases) {
    clock_.Set(kStart);
    receiver_.retry_after = retry_after;
    receiver_.Fail(503, 1);
    Append("m", ++t, 1);
    EXPECT_EQ(writer_->Step(), expected) << retry_after;
    clock_.Advance(expected);
    EXPECT_EQ(writer_->Step(), 0);
  }
  EXPECT_EQ(receiver_.SamplesOf("m").size(), cases.size());
}

TEST_F(RemoteWriteTest, TooManyRequestsIsRetriedOnlyWhereThatIsAskedFor) {
  Append("m", 0, 1);
  receiver_.Fail(429, 1);
  Run();
  EXPECT_EQ(receiver_.requests.size(), 1U);
  EXPECT_EQ(telemetry_["samples_failed_total"], 1);
  options_.retry_on_http_429 = true;
  OpenWriter();
  Append("m", 1, 1);
  receiver_.Fail(429, 2);
  Run();
  EXPECT_EQ(receiver_.requests.size(), 4U);
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
}

TEST_F(RemoteWriteTest, WhatIsRefusedIsNeverSentAgainNorInParts) {
  Millis t = 0;
  for (const int status : {301, 400, 401, 403, 404, 413, 415, 422}) {
    receiver_.requests.clear();
    Append("a", ++t, 1);
    Append("b", t, 1);
    receiver_.Fail(status, 1);
    Run();
    EXPECT_EQ(receiver_.requests.size(), 1U) << status;
    EXPECT_EQ(telemetry_["samples_failed_total"], static_cast<double>(2 * t));
  }
  Append("a", ++t, 1);
  Run();
  EXPECT_EQ(receiver_.SamplesOf("a").size(), 1U);
}

TEST_F(RemoteWriteTest, WhatComesWhileTheReceiverIsDownIsDeliveredAfter) {
  receiver_.Fail(0);
  std::vector<Sample> expected;
  for (int minute = 0; minute < 90; ++minute) {
    Append("m", minute * 60'000, minute);
    expected.push_back({kStartMs + (minute * 60'000), static_cast<double>(minute)});
    ASSERT_TRUE(store_->Flush().ok());
    Run();
  }
  receiver_.Fail(204);
  Run();
  ASSERT_EQ(receiver_.SamplesOf("m").size(), expected.size());
  EXPECT_EQ(telemetry_["samples_dropped_total too_old"], 0);
}

TEST_F(RemoteWriteTest, WhatIsTooOldIsDroppedAndCounted) {
  receiver_.Fail(0);
  Append("m", 0, 1);
  Append("m", 1, 1);
  Run();  // The batch at hand grows old, and so does what comes behind it.
  for (Millis minute = 2; minute <= 200; ++minute) {
    clock_.Set(kStart + (minute * kMinute));
    Append("m", minute * 60'000, 1);
  }
  receiver_.Fail(204);
  Run();
  EXPECT_EQ(telemetry_["samples_dropped_total too_old"], 81);
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 120U)
      << "minutes 81 to 200: the batch waits for its deadline";
}

TEST_F(RemoteWriteTest, ANewWriterBeginsWithWhatIsAppendedFromThenOn) {
  OpenStore();
  state_.entries.clear();
  Append("m", 0, 1);
  OpenWriter();
  Append("m", 1, 2);
  Run();
  ASSERT_EQ(receiver_.SamplesOf("m").size(), 1U);
  EXPECT_EQ(receiver_.SamplesOf("m")[0].v, 2);
}

TEST_F(RemoteWriteTest, ASavedPositionThatMakesNoSenseIsCorruption) {
  state_.entries["one"] = "\xff";
  EXPECT_EQ(SavedPosition(state_, "one").error().code(), StatusCode::kCorruption);
  state_.entries["one"] = std::string("\1\1\1\1", 4);
  EXPECT_EQ(SavedPosition(state_, "one").error().code(), StatusCode::kCorruption);
  EXPECT_FALSE(SavedPosition(state_, "two")->has_value());
}

TEST_F(RemoteWriteTest, ThePositionIsSavedAgainAfterTheDiskWasFull) {
  state_.full = true;
  Append("m", 0, 1);
  Run();
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
  const auto before = state_.entries;
  state_.full = false;
  Run();
  EXPECT_NE(state_.entries, before);
}

TEST_F(RemoteWriteTest, EveryHistoryOfCrashesAndFailuresDeliversEverySampleInOrder) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    writer_.reset();
    store_.reset();
    directory_.emplace();
    clock_.Set(kStart);
    receiver_.series.clear();
    receiver_.Fail(204);
    state_.entries.clear();
    options_.max_samples_per_send = 1 + random() % 50;
    options_.max_age = 0;
    OpenStore();
    OpenWriter();
    std::map<std::string, std::vector<Sample>> expected;
    for (int step = 0; step < 150; ++step) {
      clock_.Advance(static_cast<Nanos>(random() % 20) * kSecond);
      const Millis now = clock_.Now() / kMillisecond - kStartMs;
      for (uint64_t n = random() % 30; n > 0; --n) {
        const std::string name = "m" + std::to_string(random() % 10);
        // Series lag behind each other, as scrapes, rules and span metrics do.
        const Millis t = now - static_cast<Millis>(random() % 2 * (random() % 30'000));
        std::vector<Sample>& samples = expected[name];
        if (!samples.empty() && samples.back().t >= kStartMs + t) continue;
        samples.push_back({kStartMs + t, static_cast<double>(step)});
        Append(name, t, static_cast<double>(step));
      }
      if (random() % 5 == 0) receiver_.Fail(random() % 2 == 0 ? 0 : 503, 1 + random() % 4);
      for (uint64_t n = random() % 4; n > 0; --n) clock_.Advance(writer_->Step());
      if (random() % 25 == 0) {
        ASSERT_TRUE(store_->Flush().ok());
      }
      if (random() % 20 == 0) {  // kill -9: what was not saved is not known.
        OpenStore();
        OpenWriter();
      }
    }
    receiver_.Fail(204);
    Run(2 * kMinute);
    for (const auto& [name, samples] : expected) {
      const std::vector<Sample> got = receiver_.SamplesOf(name);
      ASSERT_EQ(got, samples) << name;
    }
  }
}

TEST_F(RemoteWriteTest, WhatTheLogLostInAnyHistoryIsCountedToTheSample) {
  double lost_before = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    writer_.reset();
    store_.reset();
    directory_.emplace();
    receiver_.series.clear();
    state_.entries.clear();
    log_keep_bytes_ = 0;  // The log goes with each flush.
    options_.max_age = 0;
    options_.max_samples_per_send = 7;
    options_.capacity = 20;
    OpenStore();
    OpenWriter();
    size_t written = 0;
    for (int step = 0; step < 60; ++step) {
      receiver_.Fail(random() % 3 == 0 ? 204 : 503);
      for (uint64_t n = random() % 30; n > 0; --n) {
        Append("m" + std::to_string(n), step, 1);
        ++written;
      }
      for (uint64_t n = random() % 4; n > 0; --n) clock_.Advance(writer_->Step());
      if (random() % 4 == 0) {
        ASSERT_TRUE(store_->Flush().ok());
      }
    }
    receiver_.Fail(204);
    Run(2 * kMinute);
    size_t arrived = 0;
    for (const auto& [name, samples] : receiver_.series) arrived += samples.size();
    const double lost = telemetry_["samples_dropped_total lost_in_wal"] - lost_before;
    lost_before += lost;
    EXPECT_EQ(static_cast<double>(arrived) + lost, static_cast<double>(written));
  }
  EXPECT_GT(lost_before, 100) << "or nothing was tried";
}

TEST_F(RemoteWriteTest, TheThreadSendsAndFlushesWhenItIsStopped) {
  options_.max_samples_per_send = 5;
  OpenWriter();
  store_->AddListener(writer_.get());
  writer_->Start();
  for (int i = 0; i < 23; ++i) Append("m", i, i);
  // The virtual clock stands still: the last batch never comes of age, and only Stop sends it.
  writer_->Stop();
  store_->RemoveListener(writer_.get());
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 23U);
  EXPECT_EQ(telemetry_.gauges["prometheus_remote_storage_queue_highest_timestamp_seconds"].value,
            static_cast<double>(kStartMs + 22) / 1'000);
  writer_->Stop();  // Again: nothing happens.

  // The next process has nothing to send twice.
  receiver_.requests.clear();
  OpenWriter();
  Run();
  EXPECT_TRUE(receiver_.requests.empty());
}

TEST_F(RemoteWriteTest, StoppingDoesNotWaitForADeadReceiver) {
  receiver_.Fail(0);
  Append("m", 0, 1);
  writer_->Start();
  writer_->Stop();
  receiver_.Fail(204);
  OpenWriter();
  Run();
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
}

TEST_F(RemoteWriteTest, StoppingGivesUpARequestThatIsNotAnswered) {
  options_.remote_timeout = kHour;
  options_.max_samples_per_send = 1;
  OpenWriter();
  receiver_.hangs = true;
  Append("m", 0, 1);
  writer_->Start();
  while (!receiver_.hanging) std::this_thread::yield();
  writer_->Stop();
  // The next process sends again what was given up.
  receiver_.hangs = false;
  receiver_.requests.clear();
  OpenWriter();
  Run();
  EXPECT_EQ(receiver_.SamplesOf("m").size(), 1U);
  EXPECT_EQ(receiver_.requests.size(), 1U);
}

}  // namespace
}  // namespace tocsin::deliver
