// The pipeline as a library, under a virtual clock: spans in, an alert of the seed's own rule file
// out, and nothing lost or counted twice over a restart.

#include "cpp/engine/engine.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cpp/rules/engine_query.h"
#include "cpp/rules/manager.h"
#include "cpp/wire/proto/otlp.pb.h"

namespace tocsin::engine {
namespace {

namespace fs = std::filesystem;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

constexpr Nanos kStart = 1'800'000'000 * kSecond;

class Recorder : public rules::AlertSink {
 public:
  void Send(std::span<const Alert> alerts) override {
    sent.insert(sent.end(), alerts.begin(), alerts.end());
  }
  std::vector<Alert> sent;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : path_(::testing::TempDir() + "engine_" + std::to_string(::getpid())) {
    fs::remove_all(path_);
    Open();
  }
  ~EngineTest() override {
    engine_.reset();
    fs::remove_all(path_);
  }

  void Open() {
    engine_.reset();
    EngineOptions options;
    options.path = path_;
    options.background = false;
    auto opened = Engine::Open(options, clock_, Telemetry::None());
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    engine_ = *std::move(opened);
  }

  // A request of `spans` spans of service "shop", the first `errors` of them failed.
  std::string Request(int spans, int errors) {
    ExportTraceServiceRequest request;
    auto* resource_spans = request.add_resource_spans();
    auto* attribute = resource_spans->mutable_resource()->add_attributes();
    attribute->set_key("service.name");
    attribute->mutable_value()->set_string_value("shop");
    auto* scope = resource_spans->add_scope_spans();
    for (int i = 0; i < spans; ++i) {
      auto* span = scope->add_spans();
      ++next_id_;
      span->set_trace_id(TraceId{1, next_id_}.ToBytes());
      span->set_span_id(SpanIdToBytes(next_id_));
      span->set_name("POST /pay");
      span->set_start_time_unix_nano(static_cast<uint64_t>(clock_.Now()));
      span->set_end_time_unix_nano(static_cast<uint64_t>(clock_.Now() + 20 * kMillisecond));
      if (i < errors) {
        span->mutable_status()->set_code(
            opentelemetry::proto::trace::v1::Status::STATUS_CODE_ERROR);
      }
    }
    return request.SerializeAsString();
  }

  double Counted() {
    const auto result = engine_->promql().Query("sum(traces_spanmetrics_calls_total)",
                                                engine_->series(), clock_.Now() / kMillisecond);
    EXPECT_TRUE(result.has_value());
    const auto& vector = std::get<promql::VectorValue>(result->value);
    return vector.samples.empty() ? 0 : vector.samples[0].sample.v;
  }

  VirtualClock clock_{kStart};
  std::string path_;
  std::unique_ptr<Engine> engine_;
  uint64_t next_id_ = 0;
};

TEST_F(EngineTest, AMalformedRequestKeepsNothing) {
  const auto result = engine_->Export("single-tenant", "\x0a\x05xx");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(engine_->Collect().ok());
  EXPECT_EQ(Counted(), 0);
}

TEST_F(EngineTest, ARepeatedRequestIsCountedOnce) {
  const std::string request = Request(10, 1);
  for (int i = 0; i < 3; ++i) {
    const auto result = engine_->Export("single-tenant", request);
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->accepted, 10U);
  }
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(engine_->Collect().ok());
  EXPECT_EQ(Counted(), 10);
}

TEST_F(EngineTest, CountersGoOnOverARestart) {
  ASSERT_TRUE(engine_->Export("single-tenant", Request(10, 1)).has_value());
  clock_.Advance(15 * kSecond);
  Open();
  ASSERT_TRUE(engine_->Export("single-tenant", Request(5, 1)).has_value());
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(engine_->Collect().ok());
  EXPECT_EQ(Counted(), 15);
  ASSERT_TRUE(engine_->Flush().ok());
  Open();
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(engine_->Collect().ok());
  EXPECT_EQ(Counted(), 15);
}

TEST_F(EngineTest, ASecondEngineOnTheDirectoryIsRefused) {
  EngineOptions options;
  options.path = path_;
  options.background = false;
  const auto second = Engine::Open(options, clock_, Telemetry::None());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), StatusCode::kAlreadyExists);
  EXPECT_NE(second.error().message().find(std::to_string(getpid())), std::string_view::npos);
}

TEST_F(EngineTest, SpansInAlertOutWithTheSeedsOwnRules) {
  const std::string file = TOCSIN_SOURCE_DIR "/rules/tempo-alerts.yaml";
  std::ifstream stream(file);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  auto parsed = rules::ParseRuleFile(file, text);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().ToString();
  Recorder recorder;
  const auto state = engine_->state().Section("rules");
  rules::Manager manager({}, {rules::EngineQuery(engine_->promql(), engine_->series()),
                              engine_->series(), *state, recorder, Telemetry::None(), clock_});
  std::vector<rules::RuleFile> files;
  files.push_back(*std::move(parsed));
  ASSERT_TRUE(manager.Load(std::move(files), clock_.Now()).ok());

  // Three of forty spans fail: 7.5 %, every 15 s for twelve minutes.
  Nanos fired_after = 0;
  for (int step = 0; step < 48; ++step) {
    ASSERT_TRUE(engine_->Export("single-tenant", Request(40, 3)).has_value());
    ASSERT_TRUE(engine_->Collect().ok());
    manager.RunDue(clock_.Now());
    if (fired_after == 0 && !recorder.sent.empty()) fired_after = clock_.Now() - kStart;
    if (step < 12) {
      EXPECT_TRUE(recorder.sent.empty()) << "before five minutes, at step " << step;
    }
    clock_.Advance(15 * kSecond);
  }
  ASSERT_FALSE(recorder.sent.empty());
  EXPECT_GE(fired_after, 5 * kMinute);
  EXPECT_LE(fired_after, 7 * kMinute);
  const Alert& alert = recorder.sent.front();
  EXPECT_EQ(
      alert.labels,
      (Labels{{"alertname", "HighErrorRate"}, {"service_name", "shop"}, {"severity", "warning"}}));
  EXPECT_EQ(FindAnnotation(alert.annotations, "summary"), "High error rate in shop");
  EXPECT_EQ(FindAnnotation(alert.annotations, "description"), "Error rate is 7.5%");
}

}  // namespace
}  // namespace tocsin::engine
