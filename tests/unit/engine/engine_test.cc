// The pipeline as a library, under a virtual clock: spans in, an alert of the seed's own rule file
// out, and nothing lost or counted twice over a restart.

#include "cpp/engine/engine.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cpp/rules/engine_query.h"
#include "cpp/rules/manager.h"
#include "cpp/wire/proto/otlp.pb.h"
#include "tests/unit/rules/fake_sink.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::engine {
namespace {

namespace fs = std::filesystem;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

constexpr Nanos kStart = 1'800'000'000 * kSecond;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { Open(); }
  ~EngineTest() override { engine_.reset(); }

  void Open() {
    engine_.reset();
    EngineOptions options;
    options.path = path_;
    options.background = false;
    options.request_memory = &request_memory_;
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

  // Of all blocks, hidden rows left out.
  uint64_t Spans() const {
    uint64_t spans = 0;
    const auto view = engine_->spans().View("single-tenant", 0, UINT64_MAX);
    for (const auto& block : view->blocks()) {
      const auto hidden = block->Hidden();
      EXPECT_TRUE(hidden.has_value());
      spans += block->rows();
      if (hidden.has_value() && *hidden != nullptr) spans -= (*hidden)->Count();
    }
    return spans;
  }

  MemoryPool request_memory_{1 << 20};
  VirtualClock clock_{kStart};
  const TemporaryDirectory home_;
  std::string path_ = home_ / "data";
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

TEST_F(EngineTest, ARequestForWhichThereIsNoMemoryKeepsNothing) {
  const std::string request = Request(10, 1);
  {
    MemoryLease others(&request_memory_);
    ASSERT_TRUE(others.Take((1 << 20) - request.size()));
    const auto refused = engine_->Export("single-tenant", request);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(Spans(), 0U);
  }
  EXPECT_TRUE(engine_->Export("single-tenant", request).has_value());
  EXPECT_EQ(Spans(), 10U);
  EXPECT_EQ(request_memory_.used(), 0U);
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

TEST_F(EngineTest, ASnapshotHasCountedWhatItsSpansSay) {
  ASSERT_TRUE(engine_->Export("single-tenant", Request(10, 1)).has_value());
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(engine_->Collect().ok());
  // Counted since the last checkpoint, and in the log alone.
  ASSERT_TRUE(engine_->Export("single-tenant", Request(5, 1)).has_value());
  const std::string copy = path_ + "_copy";
  fs::remove_all(copy);
  ASSERT_TRUE(engine_->Snapshot(copy).ok());
  EXPECT_EQ(engine_->Snapshot(copy).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(engine_->Export("single-tenant", Request(100, 1)).has_value());
  ASSERT_TRUE(engine_->Flush().ok());

  const std::string original = std::exchange(path_, copy);
  Open();
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(engine_->Collect().ok());
  EXPECT_EQ(Counted(), 15);
  EXPECT_EQ(Spans(), 15U);
  path_ = original;
  Open();
  clock_.Advance(15 * kSecond);
  ASSERT_TRUE(engine_->Collect().ok());
  EXPECT_EQ(Counted(), 115);
  fs::remove_all(copy);
}

TEST_F(EngineTest, SpansOfATraceThatIsTooLargeAreCountedBack) {
  storage::SpanLimits limits;
  limits.tenants["small"].max_bytes_per_trace = 1;
  engine_->spans().SetLimits(limits);
  const std::string request = Request(4, 0);
  const auto refused = engine_->Export("small", request);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->accepted, 0U);
  EXPECT_EQ(refused->rejected, 4U);
  EXPECT_TRUE(refused->message.starts_with("TRACE_TOO_LARGE: ")) << refused->message;
  EXPECT_EQ(engine_->Export("single-tenant", request)->accepted, 4U);
}

TEST_F(EngineTest, WhatASelectorChoosesGoesBeforeTheRest) {
  const auto rules = [](std::string_view selector, Nanos keep) {
    return SelectorRules{{"single-tenant", {{std::string(selector), keep}}}};
  };
  EXPECT_EQ(engine_->SetSelectorRetention(rules("{ status = ", kHour)).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->SetSelectorRetention(rules("{ } | rate()", kHour)).code(),
            StatusCode::kInvalidArgument);
  ASSERT_TRUE(engine_->SetSelectorRetention(rules("{ status = error }", kHour)).ok());
  ASSERT_TRUE(engine_->Export("single-tenant", Request(10, 4)).has_value());
  clock_.Advance(30 * kMinute);
  ASSERT_TRUE(engine_->Export("single-tenant", Request(10, 4)).has_value());
  EXPECT_EQ(engine_->ExpireSelected().value(), 0U);
  clock_.Advance(31 * kMinute);
  EXPECT_EQ(engine_->ExpireSelected().value(), 4U);
  EXPECT_EQ(engine_->ExpireSelected().value(), 0U);
  EXPECT_EQ(Spans(), 16U);
}

TEST_F(EngineTest, WhatIsPinnedStaysWhateverASelectorChooses) {
  ASSERT_TRUE(engine_->SetSelectorRetention({{"single-tenant", {{"{ }", kHour}}}}).ok());
  ASSERT_TRUE(engine_->Export("single-tenant", Request(3, 0)).has_value());
  ASSERT_TRUE(engine_->PinTrace("single-tenant", TraceId{1, 2}).ok());
  clock_.Advance(2 * kHour);
  EXPECT_EQ(engine_->ExpireSelected().value(), 2U);
  EXPECT_EQ(Spans(), 1U);
  ASSERT_TRUE(engine_->UnpinTrace("single-tenant", TraceId{1, 2}).ok());
  EXPECT_EQ(engine_->ExpireSelected().value(), 1U);
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
  rules::FakeSink recorder;
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
