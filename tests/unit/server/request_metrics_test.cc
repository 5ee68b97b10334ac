// How long requests take is counted by route and status, with the trace that asked.

#include "cpp/server/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::server {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(SampledTraceIdTest, ReadsTraceparent) {
  EXPECT_EQ(SampledTraceId(kTraceparent), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(SampledTraceId("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more"),
            "0af7651916cd43dd8448eb211c80319c");
  for (const std::string_view bad : {
           "",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
           "00 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 01",
       }) {
    EXPECT_EQ(SampledTraceId(bad), "") << bad;
  }
}

TEST(MeasureRequestsTest, CountsByRouteAndStatus) {
  telemetry::Registry registry;
  http::Router router;
  router.Handle("GET", "/api/traces/{id}", [](const http::Request& request) {
    return http::Response::Text(request.Param("id") == "none" ? 404 : 200, "");
  });
  MeasureRequests(&router, &registry);
  http::Request request;
  request.method = "GET";
  request.path = "/api/traces/none";
  router.Route(request);
  request.path = "/api/traces/1";
  request.headers = {{"traceparent", std::string(kTraceparent)}};
  router.Route(request);
  router.Route(request);
  const std::string text = registry.Expose(telemetry::Format::kOpenMetrics);
  EXPECT_THAT(text, HasSubstr("tempo_request_duration_seconds_count{method=\"GET\","
                              "route=\"api_traces_id\",status_code=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("status_code=\"404\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# {trace_id=\"0af7651916cd43dd8448eb211c80319c\"} "));
}

TEST(MeasureRequestsTest, AStreamCountsWhenItHasEnded) {
  telemetry::Registry registry;
  http::Router router;
  router.Handle("GET", "/", [](const http::Request&) {
    http::Response response;
    response.stream = [](const http::BodyWriter& write) { return write("x"); };
    return response;
  });
  MeasureRequests(&router, &registry);
  http::Request request;
  request.method = "GET";
  request.path = "/";
  const http::Response response = router.Route(request);
  EXPECT_THAT(registry.Expose(), Not(HasSubstr("tempo_request_duration_seconds")));
  EXPECT_TRUE(response.stream([](std::string_view) { return true; }));
  EXPECT_THAT(registry.Expose(), HasSubstr("_count{method=\"GET\",route=\"root\","
                                           "status_code=\"200\"} 1\n"));
}

TEST(MeasuredCallTest, CountsByMethod) {
  telemetry::Registry registry;
  const rpc::UnaryHandler handler =
      MeasuredCall("/a.B/C", [](const rpc::Call&) { return std::string("yes"); }, &registry);
  EXPECT_EQ(handler(rpc::Call{}).value(), "yes");
  EXPECT_THAT(registry.Expose(), HasSubstr("_count{method=\"gRPC\",route=\"/a.B/C\","
                                           "status_code=\"success\"} 1\n"));
}

TEST(CollectorOptionsTest, TheConfigurationWinsOverOurLabels) {
  config::SelfMetrics config;
  config.resource = {{"service.name", "hub"}, {"service.version", ""}, {"1st", "x"}};
  const telemetry::CollectorViewOptions options = CollectorOptionsOf(config);
  ASSERT_EQ(options.resource.size(), 3U);
  EXPECT_EQ(options.resource[0].first, "_1st");
  EXPECT_EQ(options.resource[1].first, "service_instance_id");
  EXPECT_EQ(options.resource[2].second, "hub");
}

}  // namespace
}  // namespace tocsin::server
