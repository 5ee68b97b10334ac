#include "cpp/api/metrics_page.h"

#include <algorithm>
#include <utility>

#include "cpp/http/accept.h"
#include "cpp/lib/compression.h"

namespace tocsin::api {
namespace {

constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

}  // namespace

MetricsFormat FormatAccepted(std::string_view accept) {
  double open_metrics = 0;
  double text = 0;
  for (const http::Choice& choice : http::ReadChoices(accept)) {
    const bool spoken =
        choice.version.empty() || choice.version == "1.0.0" || choice.version == "0.0.1";
    if (choice.name == "application/openmetrics-text" && spoken) {
      open_metrics = std::max(open_metrics, choice.weight);
    }
    if (choice.name == "text/plain") text = std::max(text, choice.weight);
  }
  return open_metrics > 0 && open_metrics >= text ? MetricsFormat::kOpenMetrics
                                                  : MetricsFormat::kText;
}

void RegisterMetrics(MetricsWriter write, http::Router* router) {
  router->Reserve("/metrics");
  router->Handle("GET", "/metrics", [write = std::move(write)](const http::Request& request) {
    const MetricsFormat format = FormatAccepted(request.Header("accept"));
    http::Response response;
    response.body = write(format);
    response.Set("Content-Type",
                 format == MetricsFormat::kOpenMetrics ? kOpenMetricsType : kTextType);
    response.Set("Vary", "Accept, Accept-Encoding");
    if (http::AcceptsGzip(request.Header("accept-encoding"))) {
      response.body = lib::Gzip(response.body);
      response.Set("Content-Encoding", "gzip");
    }
    return response;
  });
}

}  // namespace tocsin::api
