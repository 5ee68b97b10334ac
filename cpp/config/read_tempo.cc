#include <initializer_list>
#include <string>
#include <string_view>

#include "cpp/base/format.h"
#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

constexpr std::string_view kOneProcess = "Tocsin is one process and has no such part";
constexpr std::string_view kOwnStore = "the store has its own way to do this";
constexpr uint32_t kMaxNotificationsSubscribers = 128;
constexpr std::string_view kOwnServer = "the server sets this itself";

void ReadServer(Section* top, Config* config) {
  Section server = top->Map("server");
  Server& out = config->server;
  std::string host = "0.0.0.0";
  uint32_t port = 3200;
  server.Text("http_listen_address", &host);
  server.Count("http_listen_port", &port);
  out.http_address = EndpointOf(host, port);
  if (out.http_address.empty()) {
    server.Fail("http_listen_port", "and http_listen_address give " + host + ":" +
                                        std::to_string(port) + ", which is no address");
  }
  server.Text("external_url", &config->external_url);
  if (!config->external_url.empty()) CheckHttpUrl(&server, "external_url", config->external_url);
  server.Period("graceful_shutdown_timeout", &out.graceful_shutdown_timeout);
  server.Choice("log_level", {"debug", "info", "warn", "error"}, &out.log_level);
  server.Ignore(
      {"grpc_listen_address", "grpc_listen_port", "grpc_listen_network", "http_listen_network"},
      "gRPC and HTTP share the port of http_listen_port");
  server.Ignore({"log_format"}, "logs are logfmt");
  server.Refuse({"http_tls_config", "grpc_tls_config", "http_path_prefix"});
  server.Ignore({"http_listen_conn_limit",
                 "grpc_listen_conn_limit",
                 "proxy_protocol_enabled",
                 "tls_cipher_suites",
                 "tls_min_version",
                 "register_instrumentation",
                 "metrics_namespace",
                 "report_grpc_codes_in_instrumentation_label_enabled",
                 "http_server_read_timeout",
                 "http_server_read_header_timeout",
                 "http_server_write_timeout",
                 "http_server_idle_timeout",
                 "http_log_closed_connections_without_response_enabled",
                 "grpc_server_max_recv_msg_size",
                 "grpc_server_max_send_msg_size",
                 "grpc_server_max_concurrent_streams",
                 "grpc_server_max_connection_idle",
                 "grpc_server_max_connection_age",
                 "grpc_server_max_connection_age_grace",
                 "grpc_server_keepalive_time",
                 "grpc_server_keepalive_timeout",
                 "grpc_server_min_time_between_pings",
                 "grpc_server_ping_without_stream_allowed",
                 "grpc_server_num_workers",
                 "grpc_server_stats_tracking_enabled",
                 "grpc_server_recv_buffer_pools_enabled",
                 "log_source_ips_enabled",
                 "log_source_ips_full",
                 "log_source_ips_header",
                 "log_source_ips_regex",
                 "log_request_headers",
                 "log_request_at_info_level_enabled",
                 "log_request_exclude_headers_list",
                 "trace_request_headers",
                 "trace_request_exclude_headers_list",
                 "router",
                 "cluster_validation"},
                kOwnServer);
  server.Done();
}

void ReadIngester(Section* top, Config* config) {
  Section ingester = top->Map("ingester");
  ingester.Period("trace_idle_period", &config->storage.trace_idle_period);
  ingester.Size("max_block_bytes", &config->storage.max_block_bytes);
  ingester.Period("max_block_duration", &config->storage.max_block_duration);
  ingester.NotZero("max_block_bytes", config->storage.max_block_bytes);
  ingester.NotZero("max_block_duration", config->storage.max_block_duration);
  ingester.Ignore({"lifecycler", "partition_ring", "override_ring_key"}, kOneProcess);
  ingester.Ignore({"concurrent_flushes", "flush_check_period", "flush_op_timeout",
                   "complete_block_timeout", "flush_object_storage", "flush_all_on_shutdown"},
                  kOwnStore);
  ingester.Done();

  // The names of Tempo 3.
  Section live = top->Map("live_store", "ingester");
  live.Period("max_trace_idle", &config->storage.trace_idle_period, "ingester.trace_idle_period");
  live.Size("max_block_bytes", &config->storage.max_block_bytes);
  live.Period("max_block_duration", &config->storage.max_block_duration);
  live.NotZero("max_block_bytes", config->storage.max_block_bytes);
  live.NotZero("max_block_duration", config->storage.max_block_duration);
  live.Ignore({"ring", "partition_ring", "commit_interval", "consume_from_partition"}, kOneProcess);
  live.Ignore({"max_trace_live", "complete_block_timeout", "complete_block_concurrency",
               "instance_flush_period", "instance_cleanup_period", "query_block_concurrency",
               "shutdown_marker_dir", "wal", "block_config", "max_live_traces_bytes",
               "fail_on_high_lag", "readiness_target_lag", "readiness_max_wait"},
              kOwnStore);
  live.Done();
}

void ReadStorage(Section* top, Config* config) {
  Section storage = top->Map("storage");
  Storage& out = config->storage;
  storage.Text("path", &out.path);
  storage.Size("max_bytes", &out.max_bytes);
  ReadSeriesStorage(&storage, &config->series);

  Section trace = storage.Map("trace");
  std::string backend = "local";
  trace.Choice("backend", {"local"}, &backend);
  Section local = trace.Map("local");
  local.Text("path", &out.path, "storage.path");
  local.Done();
  Section wal = trace.Map("wal");
  wal.Ignore({"path"}, "the live log is in the data directory, storage.path");
  wal.Ignore({"v2_encoding", "search_encoding", "ingestion_time_range_slack", "version"},
             kOwnStore);
  wal.Done();
  Section pool = trace.Map("pool");
  pool.Count("max_workers", &out.max_workers);
  pool.Count("queue_depth", &out.queue_depth);
  pool.NotZero("max_workers", out.max_workers);
  pool.Done();
  trace.Ignore({"s3", "gcs", "azure"}, "the backend is local");
  trace.Ignore(
      {"block", "search", "cache", "cache_min_compaction_level", "cache_max_block_age",
       "background_cache", "memcached", "redis", "blocklist_poll", "blocklist_poll_concurrency",
       "blocklist_poll_fallback", "blocklist_poll_tenant_concurrency",
       "blocklist_poll_tenant_index_builders", "blocklist_poll_stale_tenant_index",
       "blocklist_poll_jitter_ms", "blocklist_poll_tolerate_consecutive_errors",
       "blocklist_poll_tolerate_tenant_failures", "empty_tenant_deletion_age",
       "empty_tenant_deletion_enabled"},
      kOwnStore);
  trace.Done();
  storage.Done();
}

void ReadCompaction(Section compaction, Config* config) {
  compaction.Period("block_retention", &config->storage.block_retention);
  compaction.Ignore(
      {"compacted_block_retention", "compaction_window", "max_compaction_objects",
       "max_block_bytes", "retention_concurrency", "max_time_per_tenant", "compaction_cycle",
       "v2_in_buffer_bytes", "v2_out_buffer_bytes", "v2_prefetch_traces_count", "chunk_size_bytes",
       "flush_size_bytes", "iterator_buffer_size"},
      kOwnStore);
  compaction.Done();
}

void ReadRetention(Section* top, Config* config) {
  ReadCompaction(top->Map("compaction"), config);
  for (const std::string_view peer : {"compactor", "backend_worker"}) {
    Section section = top->Map(peer);
    ReadCompaction(section.Map("compaction", "compaction"), config);
    section.Ignore({"ring", "disabled", "override_ring_key", "backend_scheduler_addr",
                    "finish_on_shutdown_timeout", "backoff"},
                   kOneProcess);
    section.Done();
  }
}

void ReadQueries(Section* top, Config* config) {
  Queries& out = config->queries;
  const std::string name = "query_frontend";
  Section frontend = top->Map(name);
  frontend.Period("api_timeout", &out.timeout);
  frontend.Size("max_bytes_per_trace", &out.max_bytes_per_trace);
  frontend.Size("max_bytes_per_tag_values_query", &out.max_bytes_per_tag_values);
  frontend.NotZero("max_bytes_per_tag_values_query", out.max_bytes_per_tag_values);

  Section search = frontend.Map("search");
  search.Period("max_duration", &out.max_search_duration);
  search.Count("default_result_limit", &out.default_result_limit);
  search.NotZero("default_result_limit", out.default_result_limit);
  search.Count("max_result_limit", &out.max_result_limit);
  search.Count("default_spans_per_span_set", &out.default_spans_per_span_set);
  search.Count("max_spans_per_span_set", &out.max_spans_per_span_set);
  search.Ignore({"concurrent_jobs", "target_bytes_per_job", "query_backend_after",
                 "query_ingesters_until", "ingester_shards", "most_recent_shards", "duration_slo",
                 "throughput_bytes_slo", "metadata_slo"},
                kOneProcess);
  search.Done();

  Section metrics = frontend.Map("metrics");
  metrics.Period("max_duration", &out.max_metrics_duration);
  metrics.Ignore({"concurrent_jobs", "target_bytes_per_job", "query_backend_after", "interval",
                  "duration_slo", "throughput_bytes_slo", "exemplars", "max_exemplars",
                  "max_intervals", "max_response_series", "streaming_shards"},
                 kOneProcess);
  metrics.Done();

  Section mcp = frontend.Map("mcp_server");
  mcp.Bool("enabled", &out.mcp_server);
  mcp.Done();

  frontend.Ignore({"trace_by_id", "max_outstanding_per_tenant", "querier_forget_delay",
                   "max_batch_size", "max_batch_size_weight", "log_query_request_headers",
                   "max_retries", "response_consumers", "weights", "multi_tenant_queries_enabled",
                   "url_deny_list", "max_query_expression_size_bytes", "rf1_after",
                   "query_end_cutoff", "skip_ast_transformations", "max_duration"},
                  kOneProcess);
  frontend.Done();
}

// `name`: under which the section's settings are known.
void ReadGenerator(Section generator, Config* config) {
  const std::string name = "metrics_generator";
  MetricsGenerator& out = config->metrics_generator;
  generator.Bool("enabled", &out.enabled);
  generator.Period("collection_interval", &out.collection_interval);
  generator.NotZero("collection_interval", out.collection_interval);
  generator.Count64("max_active_series", &out.max_active_series);
  generator.Text("trace_id_label_name", &out.trace_id_label_name);
  std::string ignored;
  generator.Choice("latency_unit", {"ms"}, &ignored);
  generator.Choice("count", {"before_sampling", "after_sampling"}, &ignored);

  Section registry = generator.Map("registry");
  registry.Period("collection_interval", &out.collection_interval, name + ".collection_interval");
  registry.NotZero("collection_interval", out.collection_interval);
  registry.Refuse({"external_labels", "inject_tenant_id_as"});
  registry.Ignore({"stale_duration", "max_label_name_length", "max_label_value_length"},
                  "series of span metrics do not end, and long labels are cut at fixed lengths");
  registry.Done();

  Section storage = generator.Map("storage");
  ReadRemoteWrites(&storage, config);
  storage.Ignore({"path", "wal", "remote_write_flush_deadline"},
                 "metrics are kept in the data directory, storage.path");
  storage.Ignore({"remote_write_add_org_id_header", "remote_write_remove_org_id_header"},
                 "there is one tenant");
  storage.Done();

  generator.Ignore({"ring", "traces_storage", "traces_query_storage", "override_ring_key",
                    "query_timeout", "assigned_partitions", "instance_id", "codec",
                    "disable_local_blocks", "disable_grpc", "ingest_concurrency"},
                   kOneProcess);
  generator.Ignore({"metrics_ingestion_time_range_slack"}, "every span is counted");
  generator.Refuse({"processor"});
  generator.Done();
}

void ReadGenerators(Section* top, Config* config) {
  ReadGenerator(top->Map("metrics_generator"), config);
  // As the values of the Helm chart have it.
  Section chart = top->Map("metricsGenerator", "metrics_generator");
  chart.Bool("enabled", &config->metrics_generator.enabled);
  ReadGenerator(chart.Map("config", "metrics_generator"), config);
  chart.Ignore({"replicas", "image", "resources", "annotations", "nodeSelector", "tolerations",
                "affinity", "persistence", "walEmptyDir", "extraArgs", "extraEnv", "ports"},
               "it is for Kubernetes");
  chart.Done();
}

void IgnoreForeignParts(Section* top) {
  top->Ignore(
      {"distributor_client", "ingester_client", "live_store_client", "metrics_generator_client",
       "backend_scheduler_client", "backend_scheduler", "block_builder", "querier", "memberlist",
       "ingest", "partition_ring_live_store", "internal_server", "target", "cache"},
      kOneProcess);
  top->Ignore({"usage_report", "use_otel_tracer", "enable_go_runtime_metrics"},
              "nothing is reported to anyone");
  top->Ignore({"stream_over_http_enabled", "search_enabled", "metrics_generator_enabled",
               "autocomplete_filtering_enabled", "shutdown_delay"},
              kOwnServer);
  top->Refuse({"http_api_prefix"});
  for (const std::string_view key : {"multitenancy_enabled", "auth_enabled"}) {
    bool enabled = false;
    top->Bool(key, &enabled);
    if (enabled) top->Fail(key, "is not supported in this version");
  }
}

void ReadWeb(Section* top, Web* out) {
  Section web = top->Map("web");
  web.Bool("enable_admin_api", &out->enable_admin_api);
  web.Bool("enable_lifecycle", &out->enable_lifecycle);
  web.Bool("enable_search_api", &out->enable_search_api);
  web.Count("search_max_limit", &out->search_max_limit);
  web.Count("max_notifications_subscribers", &out->max_notifications_subscribers);
  // Each of them keeps a thread.
  if (out->max_notifications_subscribers > kMaxNotificationsSubscribers) {
    web.Fail("max_notifications_subscribers",
             "is at most " + std::to_string(kMaxNotificationsSubscribers));
  }
  web.Done();
}

void ReadMemory(Section* top, Memory* out) {
  Section memory = top->Map("memory");
  memory.Size("limit", &out->limit);
  std::string ratio;
  memory.Text("ratio", &ratio);
  if (!ratio.empty()) {
    out->ratio = ParseGoFloat(ratio).value_or(0);
    if (!(out->ratio > 0 && out->ratio <= 1)) memory.Fail("ratio", "is a number above 0, up to 1");
  }
  memory.Done();
}

void ReadOwnSections(Section* top, Config* config) {
  ReadMemory(top, &config->memory);
  Section wal = top->Map("wal");
  std::string sync = "interval";
  wal.Choice("sync", {"interval", "always"}, &sync);
  config->storage.wal_sync_always = sync == "always";
  wal.Period("interval", &config->storage.wal_interval);
  wal.NotZero("interval", config->storage.wal_interval);
  wal.Done();
  ReadWeb(top, &config->web);
  ReadPromQl(top, &config->promql);
  Section traceql = top->Map("traceql");
  traceql.Bool("strict", &config->strict_traceql);
  traceql.Done();
}

}  // namespace

void ReadTempoSections(Section* top, Config* config) {
  ReadServer(top, config);
  ReadIngester(top, config);
  ReadStorage(top, config);
  ReadRetention(top, config);
  ReadQueries(top, config);
  ReadOverridesSection(top, config);
  ReadGenerators(top, config);
  ReadOwnSections(top, config);
  IgnoreForeignParts(top);
}

}  // namespace tocsin::config
