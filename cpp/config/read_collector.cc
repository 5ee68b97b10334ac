#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

// A protocol of a receiver: named in the file it listens, if need be at its default endpoint.
// `max_bytes` becomes the larger of what the protocols ask for.
void ReadProtocol(Section protocol, std::string* endpoint, uint64_t* max_bytes) {
  protocol.Endpoint("endpoint", endpoint);
  uint64_t mib = 0;
  uint64_t bytes = 0;
  protocol.Count64("max_recv_msg_size_mib", &mib);
  protocol.Size("max_request_body_size", &bytes);
  *max_bytes = std::max({*max_bytes, std::min(mib, UINT64_MAX / kMib) * kMib, bytes});
  protocol.Refuse({"tls", "auth", "cors"});
  protocol.Ignore({"transport", "keepalive", "max_concurrent_streams", "read_buffer_size",
                   "write_buffer_size", "include_metadata", "response_headers",
                   "compression_algorithms", "read_timeout", "read_header_timeout", "write_timeout",
                   "idle_timeout", "keep_alives_enabled", "middlewares"},
                  "the listener sets this itself");
  std::string path = "/v1/traces";
  protocol.Choice("traces_url_path", {"/v1/traces", "v1/traces"}, &path);
  protocol.Ignore({"metrics_url_path", "logs_url_path", "profiles_url_path"},
                  "only traces are received");
  protocol.Done();
}

// The map that names what listens, if it stands in the file: then what it does not name does not
// listen. One that overrides have made only changes what they name.
bool NamesListeners(const Section& section) {
  return section.present() && !Reading::IsOverride(*section.node());
}

void ReadReceivers(Section receivers, Config* config) {
  Receivers& out = config->receivers;
  const bool only_named = NamesListeners(receivers);
  const lib::Yaml* otlp_node = receivers.present() ? receivers.node()->Find("otlp") : nullptr;
  Section otlp = receivers.Map("otlp");
  Section protocols = otlp.Map("protocols");
  const bool only_named_protocols = NamesListeners(protocols);
  const auto named = [&](std::string_view protocol) {
    if (only_named_protocols) return protocols.node()->Find(protocol) != nullptr;
    return !only_named || otlp_node != nullptr;
  };
  for (const auto& [protocol, endpoint] :
       {std::pair{"grpc", &out.otlp_grpc}, std::pair{"http", &out.otlp_http}}) {
    if (named(protocol)) continue;
    endpoint->clear();
    const lib::Yaml* reason = protocols.present() ? protocols.node() : receivers.node();
    receivers.reading().Claim(std::string("receivers.otlp.protocols.") + protocol + ".endpoint",
                              *reason);
  }
  uint64_t max_bytes = 0;
  ReadProtocol(protocols.Map("grpc"), &out.otlp_grpc, &max_bytes);
  ReadProtocol(protocols.Map("http"), &out.otlp_http, &max_bytes);
  if (max_bytes > 0) out.max_request_bytes = max_bytes;
  protocols.Done();
  otlp.Done();

  receivers.Ignore({"jaeger", "zipkin", "opencensus", "kafka"},
                   "this receiver is not supported in this version");
  if (receivers.present()) {
    for (const auto& [name, value] : receivers.node()->members) {
      // Receivers of metrics, logs and whatever a Collector may be built with.
      if (name.scalar == "otlp") continue;
      receivers.Ignore({name.scalar}, "this receiver is not supported in this version");
    }
  }
  receivers.Done();
}

void ReadDistributor(Section* top, Config* config) {
  Section distributor = top->Map("distributor");
  Section inner = distributor.Map("receivers", "receivers");
  const lib::Yaml* outer = top->Any("receivers");
  if (inner.present() && outer != nullptr) {
    inner.reading().Error(*inner.node(),
                          "receivers and distributor.receivers are the same section; keep one");
  }
  ReadReceivers(inner.present() ? inner : top->Map("receivers"), config);
  distributor.Ignore({"ring", "override_ring_key", "kafka_config", "kafka_write_path_enabled",
                      "ingester_write_path_enabled", "push_workers", "extend_writes"},
                     "Tocsin is one process and has no such part");
  distributor.Ignore(
      {"log_received_spans", "log_discarded_spans", "metric_received_spans", "forwarders", "usage",
       "retry_after_on_resource_exhausted", "max_attribute_bytes", "artificial_delay"},
      "it is not supported in this version");
  distributor.Done();
}

constexpr std::string_view kSelfMetricsAddress = "service.telemetry.metrics.address";

// A reader that others pull from. Returns whether it is one.
bool ReadReader(Section reader, SelfMetrics* out) {
  Section pull = reader.Map("pull");
  Section exporter = pull.Map("exporter");
  Section prometheus = exporter.Map("prometheus");
  std::string host = "localhost";
  uint32_t port = 8888;
  prometheus.Text("host", &host);
  prometheus.Count("port", &port, kSelfMetricsAddress);
  prometheus.Bool("without_type_suffix", &out->without_type_suffix);
  prometheus.Bool("without_units", &out->without_units);
  prometheus.Ignore({"without_scope_info", "with_resource_constant_labels"},
                    "there are no scopes, and every metric has the labels of the resource");
  prometheus.Done();
  exporter.Done();
  pull.Done();
  reader.Ignore({"periodic"}, "the server's own metrics are pulled, not pushed");
  reader.Done();
  if (!prometheus.present()) return false;
  out->address = EndpointOf(host, port);
  if (out->address.empty()) {
    prometheus.Fail("port", "and host give " + host + ":" + std::to_string(port) +
                                ", which is no address to listen on");
  }
  out->is_default = false;
  return true;
}

void ReadSelfMetrics(Section* service, SelfMetrics* out) {
  Section telemetry = service->Map("telemetry");
  Section metrics = telemetry.Map("metrics");
  size_t pulled = 0;
  for (Section& reader : metrics.Maps("readers")) {
    SelfMetrics ignored;
    const bool first = pulled == 0;
    if (!ReadReader(reader, first ? out : &ignored)) continue;
    if (!first) {
      reader.reading().Warn(*reader.node(), "a second reader that is pulled has no effect");
    }
    ++pulled;
  }
  if (metrics.Any("address") != nullptr) out->is_default = false;
  metrics.Endpoint("address", &out->address);
  std::string level = "normal";
  metrics.Choice("level", {"none", "basic", "normal", "detailed"}, &level);
  if (level == "none") out->address.clear();
  metrics.Ignore({"views"}, "the metrics are few");
  metrics.Done();
  telemetry.Pairs("resource", &out->resource);
  telemetry.Ignore({"logs", "traces"}, "log_level of server sets what is logged");
  telemetry.Done();
}

bool IsPipelineOf(std::string_view signal, std::string_view name) {
  return name == signal || (name.starts_with(signal) && name[signal.size()] == '/');
}

// What the pipelines name decides what is said of the components; it changes nothing.
void ReadService(Section* top, Config* config) {
  Section service = top->Map("service");
  ReadSelfMetrics(&service, &config->self_metrics);
  service.Ignore({"extensions"}, "it is not supported in this version");
  Section pipelines = service.Map("pipelines");
  if (pipelines.present()) {
    for (const auto& [name, value] : pipelines.node()->members) {
      if (IsPipelineOf("traces", name.scalar)) {
        Section pipeline = pipelines.Map(name.scalar);
        for (const std::string_view kind : {"receivers", "processors", "exporters"}) {
          pipeline.Any(kind);
        }
        pipeline.Done();
      }
      for (const std::string_view signal : {"metrics", "logs", "profiles"}) {
        if (IsPipelineOf(signal, name.scalar)) {
          pipelines.Ignore({name.scalar}, "only traces are received");
        }
      }
    }
  }
  pipelines.Done();
  service.Done();
}

// The components that the pipelines of `service` name.
std::set<std::string> NamedComponents(const lib::Yaml* service, std::string_view kind) {
  std::set<std::string> named;
  const lib::Yaml* pipelines = service == nullptr ? nullptr : service->Find("pipelines");
  if (pipelines == nullptr) return named;
  for (const auto& [name, pipeline] : pipelines->members) {
    const lib::Yaml* list = pipeline.Find(kind);
    if (list == nullptr) continue;
    for (const lib::Yaml& item : list->items) named.insert(item.scalar);
  }
  return named;
}

void WarnOfComponents(Section* top, std::string_view kind, const lib::Yaml* service) {
  const lib::Yaml* components = top->Any(kind);
  if (components == nullptr) return;
  const std::set<std::string> named = NamedComponents(service, kind);
  for (const auto& [name, value] : components->members) {
    top->reading().Warn(name, std::string(kind) + "." + name.scalar +
                                  (named.contains(name.scalar)
                                       ? " has no effect: it is not supported in this version"
                                       : " has no effect: no pipeline of service names it"));
  }
}

}  // namespace

void ReadCollectorSections(Section* top, Config* config) {
  ReadDistributor(top, config);
  ReadService(top, config);
  const lib::Yaml* service = top->Any("service");
  for (const std::string_view kind : {"processors", "exporters", "connectors"}) {
    WarnOfComponents(top, kind, service);
  }
  top->Ignore({"extensions"}, "it is not supported in this version");
}

}  // namespace tocsin::config
