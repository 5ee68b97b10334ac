#include "cpp/server/request_metrics.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "cpp/base/version.h"

namespace tocsin::server {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Letters and digits in lower case; one underscore for whatever is between them.
std::string LabelOf(std::string_view text, bool lower) {
  std::string label;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      label += upper && lower ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!label.empty() && label.back() != '_') {
      label += '_';
    }
  }
  while (label.ends_with('_')) label.pop_back();
  return label.empty() ? "root" : label;
}

// The histograms of one route, by status.
class Route {
 public:
  Route(std::string_view method, std::string route, std::string_view usual_status,
        telemetry::Registry* registry)
      : method_(method),
        route_(std::move(route)),
        usual_status_(usual_status),
        registry_(*registry) {}

  void Observe(const std::string& status, SteadyClock::time_point begin,
               std::string_view trace_id) {
    const std::chrono::duration<double> took = SteadyClock::now() - begin;
    HistogramOf(status).Observe(took.count(), trace_id);
  }

 private:
  telemetry::ExemplarHistogram& HistogramOf(const std::string& status) {
    // The usual one is not looked up again.
    if (status == usual_status_) {
      if (auto* known = usual_.load(std::memory_order_acquire)) return *known;
    }
    telemetry::ExemplarHistogram& histogram = registry_.GetHistogram(
        "tempo_request_duration_seconds", "Time (in seconds) spent serving requests.",
        {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100},
        {{"method", method_}, {"route", route_}, {"status_code", status}});
    if (status == usual_status_) usual_.store(&histogram, std::memory_order_release);
    return histogram;
  }

  const std::string method_;
  const std::string route_;
  const std::string usual_status_;
  telemetry::Registry& registry_;
  std::atomic<telemetry::ExemplarHistogram*> usual_ = nullptr;
};

http::Response Measured(const http::Handler& handler, const std::shared_ptr<Route>& route,
                        const http::Request& request) {
  const SteadyClock::time_point begin = SteadyClock::now();
  const std::string trace_id(SampledTraceId(request.Header("traceparent")));
  http::Response response = handler(request);
  if (!response.stream) {
    route->Observe(std::to_string(response.status), begin, trace_id);
    return response;
  }
  response.stream = [stream = std::move(response.stream), route, begin, trace_id,
                     status = response.status](const http::BodyWriter& write) {
    const bool whole = stream(write);
    route->Observe(std::to_string(status), begin, trace_id);
    return whole;
  };
  return response;
}

bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

void MeasureRequests(http::Router* router, telemetry::Registry* registry) {
  router->WrapHandlers([registry](std::string_view method, std::string_view pattern,
                                  http::Handler handler) {
    auto route = std::make_shared<Route>(method, LabelOf(pattern, true), "200", registry);
    return [handler = std::move(handler), route = std::move(route)](const http::Request& request) {
      return Measured(handler, route, request);
    };
  });
}

rpc::UnaryHandler MeasuredCall(std::string_view method, rpc::UnaryHandler handler,
                               telemetry::Registry* registry) {
  auto route = std::make_shared<Route>("gRPC", std::string(method), "success", registry);
  return [handler = std::move(handler), route = std::move(route)](const rpc::Call& call) {
    const SteadyClock::time_point begin = SteadyClock::now();
    const std::string trace_id(SampledTraceId(call.Metadata("traceparent")));
    auto answer = handler(call);
    route->Observe(answer.has_value() ? "success" : "error", begin, trace_id);
    return answer;
  };
}

std::string_view SampledTraceId(std::string_view traceparent) {
  // version "-" trace id "-" parent id "-" flags; later versions may append.
  constexpr size_t kIdAt = 3;
  constexpr size_t kIdSize = 32;
  constexpr size_t kFlagsAt = 53;
  constexpr size_t kSize = 55;
  if (traceparent.size() < kSize || traceparent[2] != '-' || traceparent[35] != '-' ||
      traceparent[52] != '-' || (traceparent.size() > kSize && traceparent[kSize] != '-')) {
    return {};
  }
  const std::string_view id = traceparent.substr(kIdAt, kIdSize);
  const std::string_view flags = traceparent.substr(kFlagsAt, 2);
  if (!IsHex(traceparent.substr(0, 2)) || traceparent.starts_with("ff") || !IsHex(id) ||
      !IsHex(flags) || id.find_first_not_of('0') == std::string_view::npos) {
    return {};
  }
  const char last = flags[1];
  const int bits = last <= '9' ? last - '0' : last - 'a' + 10;
  return (bits & 1) == 1 ? id : std::string_view{};
}

telemetry::CollectorViewOptions CollectorOptionsOf(const config::SelfMetrics& config) {
  telemetry::CollectorViewOptions options;
  options.type_suffix = !config.without_type_suffix;
  options.units = !config.without_units;
  std::vector<std::pair<std::string, std::string>>& labels = options.resource;
  for (const auto& [name, value] : config.resource) {
    std::string label = LabelOf(name, false);
    // No label begins with a digit.
    if (label[0] >= '0' && label[0] <= '9') label.insert(0, "_");
    const auto same = [&](const auto& other) { return other.first == label; };
    if (std::ranges::none_of(labels, same)) labels.emplace_back(std::move(label), value);
  }
  const auto add = [&](std::string_view name, std::string value) {
    const auto given = [&](const auto& label) { return label.first == name; };
    if (std::ranges::none_of(labels, given)) labels.emplace_back(name, std::move(value));
  };
  add("service_instance_id", telemetry::NewInstanceId());
  add("service_name", "tocsin");
  add("service_version", std::string(Version()));
  // A name without a value takes the label away.
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  std::ranges::sort(labels);
  return options;
}

}  // namespace tocsin::server
