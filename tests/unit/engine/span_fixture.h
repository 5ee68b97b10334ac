/// An engine in a directory of its own, under a virtual clock, and a short way to send it spans.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/engine/engine.h"
#include "cpp/wire/proto/otlp.pb.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::engine {

struct SentSpan {
  uint64_t trace = 0;
  std::string service = "shop";
  Nanos start = 0;
  Nanos duration = 20 * kMillisecond;
  bool failed = false;
  std::map<std::string, std::string> attributes = {};
  std::string name = "POST /pay";
};

class SpanFixture : public ::testing::Test {
 protected:
  static constexpr Nanos kStart = 1'800'000'000 * kSecond;

  SpanFixture() {
    EngineOptions options;
    options.path = path_;
    options.background = false;
    options.promql.parser = promql::ParserOptions::Everything();
    auto opened = Engine::Open(options, clock_, Telemetry::None());
    EXPECT_TRUE(opened.has_value()) << opened.error().ToString();
    engine_ = *std::move(opened);
  }
  ~SpanFixture() override { engine_.reset(); }

  void Send(const std::vector<SentSpan>& spans, std::string_view tenant = "single-tenant") {
    opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest request;
    for (const SentSpan& sent : spans) {
      auto* resource_spans = request.add_resource_spans();
      auto* service = resource_spans->mutable_resource()->add_attributes();
      service->set_key("service.name");
      service->mutable_value()->set_string_value(sent.service);
      auto* span = resource_spans->add_scope_spans()->add_spans();
      span->set_trace_id(TraceId{1, sent.trace}.ToBytes());
      span->set_span_id(SpanIdToBytes(++next_id_));
      span->set_name(sent.name);
      span->set_start_time_unix_nano(static_cast<uint64_t>(sent.start));
      span->set_end_time_unix_nano(static_cast<uint64_t>(sent.start + sent.duration));
      for (const auto& [key, value] : sent.attributes) {
        auto* attribute = span->add_attributes();
        attribute->set_key(key);
        attribute->mutable_value()->set_string_value(value);
      }
      using Code = opentelemetry::proto::trace::v1::Status;
      if (sent.failed) span->mutable_status()->set_code(Code::STATUS_CODE_ERROR);
    }
    const auto result = engine_->Export(tenant, request.SerializeAsString());
    EXPECT_TRUE(result.has_value());
  }

  static std::string IdOf(uint64_t trace) { return TraceId{1, trace}.ToHex(); }
  static Millis MillisAt(Nanos time) { return time / kMillisecond; }

  VirtualClock clock_{kStart};
  const TemporaryDirectory home_;
  std::string path_ = home_ / "data";
  std::unique_ptr<Engine> engine_;
  uint64_t next_id_ = 0;
};

}  // namespace tocsin::engine
