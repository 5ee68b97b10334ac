#include "cpp/api/metrics_page.h"

#include <algorithm>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/http/content.h"
#include "cpp/lib/compression.h"

namespace tocsin::api {
namespace {

constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Calls `see(item)` for each item between separators, without the spaces around it.
template <class See>
void ForEachItem(std::string_view list, char separator, See see) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(separator), list.size());
    std::string_view item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const size_t first = item.find_first_not_of(" \t");
    if (first == std::string_view::npos) continue;
    see(item.substr(first, item.find_last_not_of(" \t") - first + 1));
  }
}

// An item of an Accept header.
struct Choice {
  std::string name;  // In lower case.
  std::string version;
  double weight = 1;
};

Choice ReadChoice(std::string_view item) {
  Choice choice{.name = http::MediaType(item), .version = {}, .weight = 1};
  ForEachItem(item, ';', [&](std::string_view parameter) {
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) return;
    const std::string name = http::MediaType(parameter.substr(0, equals));
    const std::string_view value = parameter.substr(equals + 1);
    if (name == "version") choice.version = value;
    // What is no number is no wish.
    if (name == "q") choice.weight = std::clamp(ParseGoFloat(value).value_or(0), 0.0, 1.0);
  });
  return choice;
}

}  // namespace

MetricsFormat FormatAccepted(std::string_view accept) {
  double open_metrics = 0;
  double text = 0;
  ForEachItem(accept, ',', [&](std::string_view item) {
    const Choice choice = ReadChoice(item);
    const bool spoken =
        choice.version.empty() || choice.version == "1.0.0" || choice.version == "0.0.1";
    if (choice.name == "application/openmetrics-text" && spoken) {
      open_metrics = std::max(open_metrics, choice.weight);
    }
    if (choice.name == "text/plain") text = std::max(text, choice.weight);
  });
  return open_metrics > 0 && open_metrics >= text ? MetricsFormat::kOpenMetrics
                                                  : MetricsFormat::kText;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  bool accepts = false;
  ForEachItem(accept_encoding, ',', [&](std::string_view item) {
    const Choice choice = ReadChoice(item);
    if (choice.name == "gzip" || choice.name == "x-gzip") accepts = choice.weight > 0;
  });
  return accepts;
}

void RegisterMetrics(MetricsWriter write, http::Router* router) {
  router->Handle("GET", "/metrics", [write = std::move(write)](const http::Request& request) {
    const MetricsFormat format = FormatAccepted(request.Header("accept"));
    http::Response response;
    response.body = write(format);
    response.Set("Content-Type",
                 format == MetricsFormat::kOpenMetrics ? kOpenMetricsType : kTextType);
    response.Set("Vary", "Accept, Accept-Encoding");
    if (AcceptsGzip(request.Header("accept-encoding"))) {
      response.body = lib::Gzip(response.body);
      response.Set("Content-Encoding", "gzip");
    }
    return response;
  });
}

}  // namespace tocsin::api
