// Which format /metrics answers in.

#include "cpp/api/metrics_page.h"

#include <gtest/gtest.h>

#include "cpp/lib/compression.h"

namespace tocsin::api {
namespace {

TEST(FormatAcceptedTest, OpenMetricsIfItIsPreferred) {
  for (const char* accept :
       {"application/openmetrics-text", "application/openmetrics-text; version=1.0.0",
        "Application/OpenMetrics-Text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        "text/html, application/openmetrics-text , text/plain"}) {
    EXPECT_EQ(FormatAccepted(accept), MetricsFormat::kOpenMetrics) << accept;
  }
}

TEST(FormatAcceptedTest, TextOtherwise) {
  for (const char* accept : {"", "*/*", "text/plain", "text/html", "application/*", ",;,=;q",
                             "application/openmetrics-text;version=2.0.0",
                             "application/openmetrics-text;q=0", "application/openmetrics-text;q=x",
                             "application/openmetrics-text;q=0.1,text/plain;q=0.9"}) {
    EXPECT_EQ(FormatAccepted(accept), MetricsFormat::kText) << accept;
  }
}

TEST(MetricsPageTest, TypesAndCodings) {
  http::Router router;
  RegisterMetrics(
      [](MetricsFormat format) {
        return format == MetricsFormat::kText ? std::string("text") : std::string("open");
      },
      &router);
  http::Request request;
  request.method = "GET";
  request.path = "/metrics";
  EXPECT_EQ(router.Route(request).Header("Content-Type"),
            "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(router.Route(request).body, "text");
  request.headers = {{"accept", "application/openmetrics-text"}, {"accept-encoding", "gzip"}};
  const http::Response response = router.Route(request);
  EXPECT_EQ(response.Header("Content-Type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(response.Header("Content-Encoding"), "gzip");
  EXPECT_EQ(lib::Gunzip(response.body, 100).value(), "open");
}

}  // namespace
}  // namespace tocsin::api
