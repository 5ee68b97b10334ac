#include "cpp/config/effective.h"

#include <string_view>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/config/effective_writer.h"

namespace tocsin::config {
namespace {

void WriteServer(const Config& config, Writer* w) {
  const std::string& address = config.server.http_address;
  const size_t colon = address.rfind(':');
  w->Open("server");
  w->Text("http_listen_address", address.substr(0, colon));
  w->Plain("http_listen_port", address.substr(colon + 1));
  w->Period("graceful_shutdown_timeout", config.server.graceful_shutdown_timeout);
  w->Text("log_level", config.server.log_level);
  if (!config.external_url.empty()) w->Text("external_url", config.external_url);
  w->Close();
}

void WriteReceivers(const Receivers& receivers, Writer* w) {
  w->Open("receivers");
  w->Open("otlp");
  w->Open("protocols");
  w->Open("grpc");
  w->Text("endpoint", receivers.otlp_grpc);
  w->Close();
  w->Open("http");
  w->Text("endpoint", receivers.otlp_http);
  w->Number("max_request_body_size", receivers.max_request_bytes);
  w->Close();
  w->Close();
  w->Close();
  w->Close();
}

void WriteSelfMetrics(const SelfMetrics& metrics, Writer* w) {
  constexpr std::string_view kAddress = "service.telemetry.metrics.address";
  w->Open("service");
  w->Open("telemetry");
  w->Open("metrics");
  if (metrics.address.empty() || !(metrics.without_type_suffix || metrics.without_units)) {
    w->Text("address", metrics.address);
  } else {
    const size_t colon = metrics.address.rfind(':');
    w->Open("readers");
    w->OpenEntry({}, 0);
    w->Open("pull");
    w->Open("exporter");
    w->Open("prometheus");
    w->Plain("host", Quoted(metrics.address.substr(0, colon)), kAddress);
    w->Plain("port", metrics.address.substr(colon + 1), kAddress);
    w->Bool("without_type_suffix", metrics.without_type_suffix);
    w->Bool("without_units", metrics.without_units);
    for (int i = 0; i < 5; ++i) w->Close();
  }
  w->Close();
  if (!metrics.resource.empty()) w->Map("resource", metrics.resource);
  w->Close();
  w->Close();
}

void WriteStorage(const Storage& storage, const Series& series, Writer* w) {
  w->Open("ingester");
  w->Period("trace_idle_period", storage.trace_idle_period);
  w->Number("max_block_bytes", storage.max_block_bytes);
  w->Period("max_block_duration", storage.max_block_duration);
  w->Close();
  w->Open("storage");
  w->Text("path", storage.path);
  w->Number("max_bytes", storage.max_bytes);
  w->Open("tsdb");
  w->Period("out_of_order_time_window", series.out_of_order_time_window);
  w->Number("max_series", series.max_series);
  w->Open("retention");
  w->Period("time", series.retention);
  w->Close();
  w->Close();
  w->Open("exemplars");
  w->Number("max_exemplars", series.max_exemplars);
  w->Close();
  w->Open("trace");
  w->Open("pool");
  w->Number("max_workers", storage.max_workers);
  w->Number("queue_depth", storage.queue_depth);
  w->Close();
  w->Close();
  w->Close();
  w->Open("compaction");
  w->Period("block_retention", storage.block_retention);
  w->Close();
  w->Open("wal");
  w->Plain("sync", storage.wal_sync_always ? "always" : "interval");
  w->Period("interval", storage.wal_interval);
  w->Close();
}

void WritePromQl(const PromQl& promql, Writer* w) {
  w->Open("promql");
  w->Period("timeout", promql.timeout);
  w->Period("lookback_delta", promql.lookback_delta);
  w->Number("max_samples", promql.max_samples);
  w->Bool("delayed_name_removal", promql.delayed_name_removal);
  w->Bool("use_start_timestamps", promql.use_start_timestamps);
  w->Bool("type_and_unit_labels", promql.type_and_unit_labels);
  w->Close();
}

void WriteRules(const Rules& rules, Writer* w) {
  w->Open("rules");
  w->Number("max_concurrent_evals", rules.max_concurrent_evals);
  w->Text("restore", rules.restore_as_prometheus ? "prometheus" : "exact");
  w->Period("for_outage_tolerance", rules.for_outage_tolerance);
  w->Period("for_grace_period", rules.for_grace_period);
  w->Period("resend_delay", rules.resend_delay);
  w->Period("watch_interval", rules.watch_interval);
  w->Bool("api", rules.api);
  w->Close();
}

void WriteQueries(const Queries& queries, Writer* w) {
  w->Open("query_frontend");
  w->Period("api_timeout", queries.timeout);
  w->Number("max_bytes_per_trace", queries.max_bytes_per_trace);
  w->Number("max_bytes_per_tag_values_query", queries.max_bytes_per_tag_values);
  w->Open("search");
  w->Period("max_duration", queries.max_search_duration);
  w->Number("default_result_limit", queries.default_result_limit);
  w->Number("max_result_limit", queries.max_result_limit);
  w->Number("default_spans_per_span_set", queries.default_spans_per_span_set);
  w->Number("max_spans_per_span_set", queries.max_spans_per_span_set);
  w->Close();
  w->Open("metrics");
  w->Period("max_duration", queries.max_metrics_duration);
  w->Close();
  w->Open("mcp_server");
  w->Bool("enabled", queries.mcp_server);
  w->Close();
  w->Close();
}

void WriteOverrides(const Overrides& overrides, Writer* w) {
  const TenantOverrides& defaults = overrides.defaults;
  w->Open("overrides");
  if (defaults.selector_retention || defaults.max_bytes_per_trace) w->Open("defaults");
  if (defaults.selector_retention) {
    w->Open("compaction");
    w->Open("selector_retention");
    for (size_t i = 0; i < defaults.selector_retention->size(); ++i) {
      w->OpenEntry({}, i);
      w->Text("selector", (*defaults.selector_retention)[i].selector);
      w->Period("keep", (*defaults.selector_retention)[i].keep);
      w->Close();
    }
    w->Close();
    w->Close();
  }
  if (defaults.max_bytes_per_trace) {
    w->Open("global");
    w->Number("max_bytes_per_trace", *defaults.max_bytes_per_trace);
    w->Close();
  }
  if (defaults.selector_retention || defaults.max_bytes_per_trace) w->Close();
  w->Text("per_tenant_override_config", overrides.tenants_file);
  w->Period("per_tenant_override_period", overrides.tenants_period);
  w->Open("user_configurable_overrides");
  w->Bool("enabled", overrides.user_configurable);
  w->Open("api");
  w->Bool("check_for_conflicting_runtime_overrides", overrides.check_conflicts);
  w->Close();
  w->Close();
  w->Close();
}

void WriteQueue(const RemoteWrite& remote, Writer* w) {
  w->Open("queue_config");
  w->Number("capacity", remote.capacity);
  w->Number("min_shards", remote.min_shards);
  w->Number("max_shards", remote.max_shards);
  w->Number("max_samples_per_send", remote.max_samples_per_send);
  w->Period("batch_send_deadline", remote.batch_send_deadline);
  w->Period("min_backoff", remote.min_backoff);
  w->Period("max_backoff", remote.max_backoff);
  w->Bool("retry_on_http_429", remote.retry_on_http_429);
  w->Period("sample_age_limit", remote.sample_age_limit);
  w->Period("wal_max_age", remote.wal_max_age);
  w->Number("wal_max_bytes", remote.wal_max_bytes);
  w->Close();
}

void WriteRemoteWrites(const Config& config, Writer* w) {
  if (config.remote_write.empty()) return;
  w->Open("remote_write");
  for (size_t i = 0; i < config.remote_write.size(); ++i) {
    const RemoteWrite& remote = config.remote_write[i];
    w->OpenEntry({}, i);
    w->Text("url", HidePassword(remote.url));
    w->Text("name", remote.name);
    w->Text("protobuf_message", remote.message == WriteMessage::kV2
                                    ? "io.prometheus.write.v2.Request"
                                    : "prometheus.WriteRequest");
    w->Bool("send_exemplars", remote.send_exemplars);
    w->Bool("send_native_histograms", remote.send_native_histograms);
    w->Period("remote_timeout", remote.remote_timeout);
    w->Map("headers", remote.headers);
    WriteRelabelRules("write_relabel_configs", remote.write_relabel_configs, w);
    WriteHttpClient(remote.client, w);
    WriteQueue(remote, w);
    w->Open("metadata_config");
    w->Bool("send", remote.send_metadata);
    w->Period("send_interval", remote.metadata_interval);
    w->Number("max_samples_per_send", remote.max_metadata_per_send);
    w->Close();
    w->Close();
  }
  w->Close();
}

}  // namespace

std::string Effective(const Config& config, const Reading& reading) {
  Writer w(reading);
  WriteServer(config, &w);
  WriteReceivers(config.receivers, &w);
  WriteSelfMetrics(config.self_metrics, &w);
  w.Open("memory");
  w.Number("limit", config.memory.limit);
  w.Plain("ratio", FormatGoFloat(config.memory.ratio));
  w.Close();
  WriteStorage(config.storage, config.series, &w);
  WriteQueries(config.queries, &w);
  w.Open("web");
  w.Bool("enable_admin_api", config.web.enable_admin_api);
  w.Bool("enable_lifecycle", config.web.enable_lifecycle);
  w.Bool("enable_search_api", config.web.enable_search_api);
  w.Number("search_max_limit", config.web.search_max_limit);
  w.Number("max_notifications_subscribers", config.web.max_notifications_subscribers);
  w.Close();
  WriteOverrides(config.overrides, &w);
  WritePromQl(config.promql, &w);
  w.Open("traceql");
  w.Bool("strict", config.strict_traceql);
  w.Close();
  w.Open("metrics_generator");
  w.Bool("enabled", config.metrics_generator.enabled);
  w.Period("collection_interval", config.metrics_generator.collection_interval);
  w.Number("max_active_series", config.metrics_generator.max_active_series);
  w.Text("trace_id_label_name", config.metrics_generator.trace_id_label_name);
  w.Close();
  w.Open("global");
  w.Period("scrape_interval", config.scrape_interval);
  w.Period("scrape_timeout", config.scrape_timeout);
  WriteScrapeCommon(config.scrape_common, &w);
  w.Period("evaluation_interval", config.evaluation_interval);
  w.Period("rule_query_offset", config.rule_query_offset);
  w.Map("external_labels", config.external_labels);
  w.Close();
  w.List("rule_files", config.rule_files);
  WriteRules(config.rules, &w);
  WriteScrapes(config, &w);
  WriteAlerting(config, &w);
  WriteHeartbeat(config, &w);
  WriteRemoteWrites(config, &w);
  WriteAlertmanager(config.routing, &w);
  return std::move(w).Take();
}

}  // namespace tocsin::config
