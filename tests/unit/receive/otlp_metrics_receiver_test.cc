#include "cpp/receive/otlp_metrics_receiver.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/lib/compression.h"
#include "cpp/wire/otlp_response.h"
#include "cpp/wire/proto_writer.h"
#include "tests/unit/receive/fake_sample_sink.h"

namespace tocsin::receive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A request with gauges of one point each; a name that begins with "delta" makes a sum in deltas.
std::string Request(const std::vector<std::string>& names) {
  std::string body;
  wire::ProtoWriter writer(&body);
  writer.Message(1, [&] {
    writer.Message(2, [&] {
      for (const std::string& name : names) {
        const bool delta = name.starts_with("delta");
        writer.Message(2, [&] {
          writer.Bytes(1, name);
          writer.Message(delta ? 7 : 5, [&] {
            writer.Message(1, [&] {
              writer.Fixed64(2, 1'000'000'000);
              writer.Fixed64(3, 2'000'000'000);
              writer.Double(4, 1.5);
            });
            if (delta) writer.Varint(2, 1);
          });
        });
      }
    });
  });
  return body;
}

class OtlpMetricsReceiverTest : public testing::Test {
 protected:
  OtlpMetricsReceiverTest() { receiver_.Register(&router_); }

  http::Response Post(std::string body, std::string type = "application/x-protobuf",
                      std::string coding = "") {
    http::Request request;
    request.method = "POST";
    request.path = "/api/v1/otlp/v1/metrics";
    request.headers = {{"content-type", std::move(type)}, {"content-encoding", std::move(coding)}};
    request.body = std::move(body);
    return router_.Route(std::move(request));
  }

  FakeSink sink_;
  http::Router router_;
  OtlpMetricsReceiver receiver_{&sink_, {.limits = {.max_items = 100}}, &Telemetry::None()};
};

TEST_F(OtlpMetricsReceiverTest, StoresPointsWithTheirMetadata) {
  const http::Response response =
      Post(lib::Gzip(Request({"a", "b"})), "application/x-protobuf", "gzip");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_THAT(sink_.Series(), ElementsAre("a", "b"));
  ASSERT_EQ(sink_.samples.size(), 2U);
  EXPECT_EQ(sink_.samples[0].sample.t, 2'000);
  EXPECT_EQ(sink_.samples[0].start, 1'000);
  EXPECT_EQ(sink_.samples[0].sample.v, 1.5);
  EXPECT_EQ(sink_.metadata.size(), 2U);
}

TEST_F(OtlpMetricsReceiverTest, JsonIsAnsweredInJson) {
  constexpr std::string_view kPoint =
      R"("dataPoints":[{"timeUnixNano":"2000000000","asDouble":1.5}])";
  const auto request = [&](std::string_view more) {
    return R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{)" +
           std::string(kPoint) + "}}" + std::string(more) + "]}]}]}";
  };
  const http::Response all = Post(request(""), "application/json; charset=utf-8");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.body, "{}");
  EXPECT_EQ(all.Header("content-type"), "application/json");
  ASSERT_EQ(sink_.samples.size(), 1U);
  EXPECT_EQ(sink_.samples[0].sample.v, 1.5);
  const std::string delta =
      R"(,{"name":"d","sum":{"aggregationTemporality":1,)" + std::string(kPoint) + "}}";
  const http::Response part = Post(request(delta), "application/json");
  EXPECT_EQ(part.status, 200);
  EXPECT_THAT(part.body, HasSubstr(R"("rejectedDataPoints":"1")"));
  EXPECT_EQ(Post("{\n 3}", "application/json").status, 400);
}

TEST_F(OtlpMetricsReceiverTest, APartThatIsRefusedIsAPartialSuccess) {
  const http::Response response = Post(Request({"a", "delta"}));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body,
            wire::EncodeExportResponse(
                1, "metric \"delta\": delta temporality is not taken; send cumulative"));
  EXPECT_THAT(sink_.Series(), ElementsAre("a"));
}

TEST_F(OtlpMetricsReceiverTest, NothingStoredIsABadRequest) {
  EXPECT_EQ(Post(Request({"delta"})).status, 400);
  sink_.outcome = AppendOutcome{};
  sink_.outcome->out_of_order = 1;
  sink_.outcome->first_refusal = "out of order sample";
  const http::Response response = Post(Request({"a"}));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("out of order sample"));
}

TEST_F(OtlpMetricsReceiverTest, Errors) {
  EXPECT_EQ(Post("\xff").status, 400);
  EXPECT_EQ(Post("{}", "text/plain").status, 415);
  EXPECT_EQ(Post("x", "application/x-protobuf", "br").status, 415);
  EXPECT_EQ(Post(Request(std::vector<std::string>(101, "a"))).status, 413);
  sink_.error = UnavailableError("the disk is full");
  const http::Response response = Post(Request({"a"}));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.Header("Retry-After"), "5");
  EXPECT_THAT(sink_.samples, IsEmpty());
}

TEST_F(OtlpMetricsReceiverTest, ARequestWithoutPointsIsFine) {
  EXPECT_EQ(Post("").status, 200);
  EXPECT_EQ(Post(Request({})).status, 200);
}

}  // namespace
}  // namespace tocsin::receive
