#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/http/client.h"
#include "cpp/http/server.h"
#include "cpp/lib/compression.h"
#include "cpp/receive/receive.h"
#include "cpp/wire/otlp_response.h"

namespace tocsin::receive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Remembers what it was given, and answers as it is told.
class FakeSink : public SpanSink {
 public:
  ExportOutcome Export(const ExportRequest& request) override {
    tenants.emplace_back(request.tenant);
    bodies.emplace_back(request.body);
    encodings.push_back(request.encoding);
    return outcome;
  }
  ExportOutcome outcome;
  std::vector<std::string> tenants;
  std::vector<std::string> bodies;
  std::vector<wire::OtlpEncoding> encodings;
};

/// Counts by "name{label,...}".
class FakeTelemetry : public Telemetry {
 public:
  Counter& GetCounter(std::string_view name, std::string_view,
                      const MetricLabels& labels) override {
    std::string key(name);
    for (const auto& [label, value] : labels) key += " " + value;
    auto& counter = counters_[key];
    if (counter == nullptr) counter = std::make_unique<FakeCounter>();
    return *counter;
  }
  Gauge& GetGauge(std::string_view name, std::string_view help,
                  const MetricLabels& labels) override {
    return None().GetGauge(name, help, labels);
  }
  Histogram& GetHistogram(std::string_view name, std::string_view help,
                          const std::vector<double>& buckets, const MetricLabels& labels) override {
    return None().GetHistogram(name, help, buckets, labels);
  }
  Summary& GetSummary(std::string_view name, std::string_view help,
                      const std::vector<double>& quantiles, const MetricLabels& labels) override {
    return None().GetSummary(name, help, quantiles, labels);
  }
  double Value(const std::string& key) const {
    const auto found = counters_.find(key);
    return found == counters_.end() ? -1 : found->second->value;
  }

 private:
  struct FakeCounter : Counter {
    void Add(double by) override { value += by; }
    double value = 0;
  };
  std::map<std::string, std::unique_ptr<FakeCounter>> counters_;
};

class OtlpTest : public testing::Test {
 protected:
  OtlpTest() { Configure({}); }

  void Configure(const OtlpOptions& options) {
    router_ = std::make_unique<http::Router>();
    receiver_ = std::make_unique<OtlpReceiver>(&sink_, options, &telemetry_);
    receiver_->Register(router_.get());
    OtlpReceiver::RegisterLanding(router_.get());
  }
  http::Response Post(std::string body, http::Headers headers = {},
                      std::string path = "/v1/traces") {
    if (headers.empty() || headers.front().first != "content-type") {
      headers.insert(headers.begin(), {"content-type", "application/x-protobuf"});
    }
    http::Request request;
    request.method = "POST";
    request.path = std::move(path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return router_->Route(std::move(request));
  }
  std::expected<std::string, rpc::CallError> Call(
      std::string_view body,
      std::vector<std::pair<std::string_view, std::string_view>> metadata = {}) {
    rpc::Call call;
    call.body = body;
    call.metadata = std::move(metadata);
    return receiver_->RpcMethods().front().second(call);
  }

  FakeSink sink_;
  FakeTelemetry telemetry_;
  std::unique_ptr<OtlpReceiver> receiver_;
  std::unique_ptr<http::Router> router_;
};

TEST_F(OtlpTest, HandsTheBodyToTheSink) {
  const http::Response response = Post("spans");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("content-type"), "application/x-protobuf");
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(Call("more spans").value(), "");
  EXPECT_THAT(sink_.bodies, ElementsAre("spans", "more spans"));
  EXPECT_THAT(sink_.tenants, ElementsAre("single-tenant", "single-tenant"));
}

TEST_F(OtlpTest, TheMethodHasTheNameOfTheProtocol) {
  EXPECT_EQ(receiver_->RpcMethods().front().first,
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
}

TEST_F(OtlpTest, AnEmptyRequestIsASuccess) {
  EXPECT_EQ(Post("").status, 200);
  EXPECT_TRUE(Call("").has_value());
}

TEST_F(OtlpTest, PartialSuccessSaysWhatWasRejected) {
  sink_.outcome = {.accepted = 9, .rejected = 1, .message = "one bad id"};
  const std::string expected = wire::EncodeExportResponse(1, "one bad id");
  const http::Response response = Post("spans");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, expected);
  EXPECT_EQ(Call("spans").value(), expected);
}

TEST_F(OtlpTest, UndoesGzip) {
  EXPECT_EQ(Post(lib::Gzip("spans"), {{"content-encoding", "gzip"}}).status, 200);
  EXPECT_THAT(sink_.bodies, ElementsAre("spans"));
}

TEST_F(OtlpTest, RefusesWhatCannotBeDecoded) {
  struct Case {
    std::string_view coding;
    std::string body;
    int status;
    int code;
  };
  for (const Case& c :
       {Case{"gzip", "not gzip", 400, 3}, Case{"gzip", lib::Gzip("spans").substr(0, 15), 400, 3},
        Case{"br", "x", 415, 12}}) {
    const http::Response response = Post(c.body, {{"content-encoding", std::string(c.coding)}});
    EXPECT_EQ(response.status, c.status);
    EXPECT_EQ(response.Header("content-type"), "application/x-protobuf");
    EXPECT_EQ(response.body.substr(0, 2), std::string("\x08") + static_cast<char>(c.code));
  }
  EXPECT_THAT(sink_.bodies, IsEmpty());
}

TEST_F(OtlpTest, TheSizeLimitIsForWhatIsDecompressed) {
  Configure({.max_request_bytes = 1000});
  EXPECT_EQ(Post(std::string(1000, 'x')).status, 200);
  EXPECT_EQ(Post(std::string(1001, 'x')).status, 413);
  EXPECT_EQ(Post(lib::Gzip(std::string(1000, 'x')), {{"content-encoding", "gzip"}}).status, 200);
  EXPECT_EQ(Post(lib::Gzip(std::string(64 << 20, 'x')), {{"content-encoding", "gzip"}}).status,
            413);
  EXPECT_EQ(sink_.bodies.size(), 2U);
}

TEST_F(OtlpTest, ToleratesParametersOfTheContentType) {
  EXPECT_EQ(Post("x", {{"content-type", "Application/X-Protobuf; charset=utf-8"}}).status, 200);
}

TEST_F(OtlpTest, RefusesOtherContentTypes) {
  for (const std::string_view type : {"text/plain", "", "application/x-protobuffer"}) {
    const http::Response response = Post("x", {{"content-type", std::string(type)}});
    EXPECT_EQ(response.status, 415);
    EXPECT_EQ(response.body,
              "415 unsupported media type, supported: [application/json, application/x-protobuf]");
  }
}

TEST_F(OtlpTest, SaysWhichEncodingABodyHas) {
  const http::Response response = Post("{}", {{"content-type", "application/json; charset=utf-8"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("content-type"), "application/json");
  EXPECT_EQ(response.body, "{}");
  Post(lib::Gzip("[]"), {{"content-type", "application/json"}, {"content-encoding", "gzip"}});
  Post("spans");
  EXPECT_TRUE(Call("more spans").has_value());
  EXPECT_THAT(sink_.bodies, ElementsAre("{}", "[]", "spans", "more spans"));
  EXPECT_THAT(sink_.encodings,
              ElementsAre(wire::OtlpEncoding::kJson, wire::OtlpEncoding::kJson,
                          wire::OtlpEncoding::kProtobuf, wire::OtlpEncoding::kProtobuf));
}

TEST_F(OtlpTest, AnswersJsonInJson) {
  const http::Headers json = {{"content-type", "application/json"}};
  sink_.outcome = {.accepted = 9, .rejected = 1, .message = "one bad id"};
  EXPECT_EQ(Post("{}", json).body,
            R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"one bad id"}})");
  sink_.outcome = {.status = InvalidArgumentError("line 1, column 2")};
  const http::Response refused = Post("{}", json);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.Header("content-type"), "application/json");
  EXPECT_EQ(refused.body, R"({"code":3,"message":"line 1, column 2"})");
  sink_.outcome = {.status = ResourceExhaustedError("slower"), .retry_after = 5 * kSecond};
  const http::Response later = Post("{}", json);
  EXPECT_EQ(later.Header("retry-after"), "5");
  EXPECT_THAT(later.body, HasSubstr(R"("retryDelay":"5s")"));
  EXPECT_EQ(Post("{}", {{"content-type", "application/json"}, {"content-encoding", "br"}})
                .Header("content-type"),
            "application/json");
  EXPECT_THAT(Post("{}", json, "/v1/logs").body, HasSubstr(R"("code":12)"));
}

TEST_F(OtlpTest, RefusesOtherMethodsInTheCollectorsWords) {
  http::Request request;
  request.method = "GET";
  request.path = "/v1/traces";
  const http::Response response = router_->Route(std::move(request));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.body, "405 method not allowed, supported: [POST]");
}

TEST_F(OtlpTest, OtherSignalsAreNotFound) {
  for (const std::string path : {"/v1/metrics", "/v1/logs"}) {
    const http::Response response = Post("x", {}, path);
    EXPECT_EQ(response.status, 404);
    EXPECT_EQ(response.body.substr(0, 2), "\x08\x0c");  // UNIMPLEMENTED.
    EXPECT_THAT(response.body, HasSubstr("not received here"));
  }
}

TEST_F(OtlpTest, MapsEveryErrorOfTheSink) {
  const std::map<StatusCode, int> expected = {
      {StatusCode::kInvalidArgument, 400},   {StatusCode::kUnauthenticated, 401},
      {StatusCode::kUnsupported, 404},       {StatusCode::kResourceExhausted, 429},
      {StatusCode::kUnavailable, 503},       {StatusCode::kCancelled, 503},
      {StatusCode::kDeadlineExceeded, 503},  {StatusCode::kInternal, 500},
      {StatusCode::kFailedPrecondition, 500}};
  for (const auto& [code, status] : expected) {
    sink_.outcome = {.status = Status(code, "the reason")};
    const http::Response response = Post("x");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.body, wire::EncodeRpcStatus(rpc::GrpcCode(code), "the reason"));
    EXPECT_EQ(response.Header("retry-after"), "");
    const auto reply = Call("x");
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().status.code(), code);
    EXPECT_EQ(reply.error().status.message(), "the reason");
    EXPECT_EQ(reply.error().details, "");
  }
}

TEST_F(OtlpTest, SaysWhenToTryAgain) {
  for (const StatusCode code : {StatusCode::kResourceExhausted, StatusCode::kUnavailable}) {
    sink_.outcome = {.status = Status(code, "RATE_LIMITED: slower"),
                     .retry_after = 4 * kSecond + 1};
    const std::string details =
        wire::EncodeRpcStatus(rpc::GrpcCode(code), "RATE_LIMITED: slower", 4 * kSecond + 1);
    const http::Response response = Post("x");
    EXPECT_EQ(response.Header("retry-after"), "5");  // Whole seconds, never too early.
    EXPECT_EQ(response.body, details);
    EXPECT_EQ(Call("x").error().details, details);
  }
}

TEST_F(OtlpTest, WithoutMultitenancyTheHeaderIsIgnored) {
  Post("x", {{"x-scope-orgid", "team-a"}});
  EXPECT_TRUE(Call("x", {{"x-scope-orgid", "team-a"}}).has_value());
  EXPECT_THAT(sink_.tenants, ElementsAre("single-tenant", "single-tenant"));
}

TEST_F(OtlpTest, WithMultitenancyTheHeaderIsTheTenant) {
  Configure({.multitenancy = true});
  EXPECT_EQ(Post("x", {{"x-scope-orgid", "team-a"}}).status, 200);
  EXPECT_TRUE(Call("x", {{"x-scope-orgid", "team-b"}}).has_value());
  EXPECT_THAT(sink_.tenants, ElementsAre("team-a", "team-b"));
  EXPECT_EQ(Post("x").status, 401);
  EXPECT_EQ(Call("x").error().status.code(), StatusCode::kUnauthenticated);
  for (const std::string& bad : {std::string(".."), std::string("."), std::string("a/b"),
                                 std::string("a|b"), std::string("a\nb"), std::string(151, 'a')}) {
    EXPECT_EQ(Post("x", {{"x-scope-orgid", bad}}).status, 400) << bad;
    EXPECT_EQ(Call("x", {{"x-scope-orgid", bad}}).error().status.code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(sink_.tenants.size(), 2U);
}

TEST_F(OtlpTest, CountsByTransport) {
  sink_.outcome = {.accepted = 9, .rejected = 1};
  Post("spans");
  Call("spans!");
  Call("spans!");
  EXPECT_EQ(telemetry_.Value("tempo_receiver_accepted_spans otlp http"), 9);
  EXPECT_EQ(telemetry_.Value("tempo_receiver_refused_spans otlp http"), 1);
  EXPECT_EQ(telemetry_.Value("tempo_receiver_accepted_spans otlp grpc"), 18);
  EXPECT_EQ(telemetry_.Value("tempo_receiver_refused_spans otlp grpc"), 2);
  EXPECT_EQ(telemetry_.Value("tempo_distributor_spans_received_total single-tenant"), 27);
  EXPECT_EQ(telemetry_.Value("tempo_distributor_bytes_received_total single-tenant"), 17);
  sink_.outcome = {.status = UnavailableError("full"), .rejected = 10};
  Post("spans");
  EXPECT_EQ(telemetry_.Value("tempo_receiver_refused_spans otlp http"), 11);
  EXPECT_EQ(telemetry_.Value("tempo_distributor_spans_received_total single-tenant"), 27);
}

TEST_F(OtlpTest, ABrowserOnTheReceiversPortGetsAnExplanation) {
  http::Server server({});
  const auto address = server.Listen({.address = "127.0.0.1:0", .router = router_.get()});
  ASSERT_TRUE(address.has_value());
  const auto page = http::Fetch({.url = "http://" + *address});
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->status, 200);
  EXPECT_THAT(page->body, HasSubstr("/v1/traces"));
  EXPECT_EQ(http::Fetch({.url = "http://" + *address + "/other"})->status, 404);
  server.Shutdown(kSecond);
}

}  // namespace
}  // namespace tocsin::receive
