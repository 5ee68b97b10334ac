/// The one validated configuration. Everything in it has a value; sizes are bytes, durations
/// nanoseconds. It is made by Load() (load.h) from YAML and `--set` overrides.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/config/overrides.h"
#include "cpp/model/labels.h"
#include "cpp/model/target_group.h"
#include "cpp/relabel/relabel.h"
#include "cpp/routing/config.h"

namespace tocsin::config {

struct Server {
  std::string http_address = "0.0.0.0:3200";  ///< "host:port"; port 0 takes a free one.
  Nanos graceful_shutdown_timeout = 30 * kSecond;
  std::string log_level = "info";
};

struct Receivers {
  std::string otlp_grpc = "0.0.0.0:4317";  ///< Empty: does not listen.
  std::string otlp_http = "0.0.0.0:4318";  ///< Empty: does not listen.
  uint64_t max_request_bytes = uint64_t{64} << 20;
};

/// What the process may use of the system's memory.
struct Memory {
  uint64_t limit = 0;  ///< Bytes; 0: what the container, or else the machine, has.
  double ratio = 0.8;  ///< Of it what is planned with; above 0, at most 1.
};

struct Storage {
  std::string path = "./tocsin-data";
  uint64_t max_bytes = 30'000'000'000;  ///< Live log, volumes and series together; 0: no cap.
  uint32_t max_workers = 400;           ///< Queries that run at once (bounded by the cores).
  uint32_t queue_depth = 20'000;        ///< Queries that wait.
  Nanos block_retention = 720 * kHour;  ///< 0: for ever.
  Nanos trace_idle_period = 10 * kSecond;
  uint64_t max_block_bytes = 52'428'800;
  Nanos max_block_duration = 5 * kMinute;
  bool wal_sync_always = false;
  Nanos wal_interval = 100 * kMillisecond;
};

/// Of samples: storage.tsdb and storage.exemplars.
struct Series {
  Nanos retention = 15 * kDay;         ///< 0: for ever.
  Nanos out_of_order_time_window = 0;  ///< How late a sample may come; 0: not at all.
  uint64_t max_series = 1'000'000;     ///< At a time; samples of further ones are refused.
  uint64_t max_exemplars = 100'000;    ///< Of all series together.
};

/// Of PromQL, in the API and in rules.
struct PromQl {
  Nanos timeout = 2 * kMinute;
  Nanos lookback_delta = 5 * kMinute;
  uint64_t max_samples = 50'000'000;  ///< That a query may hold in memory.
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
  bool type_and_unit_labels = false;
};

/// What max_concurrent_evals may be: each is a thread.
inline constexpr uint32_t kRuleThreadsMax = 1'000;

/// Of the evaluation of rules.
struct Rules {
  uint32_t max_concurrent_evals = 4;  ///< Groups and rules that are evaluated at once.
  /// The states of alerts after a restart are exactly those before; or else as Prometheus has it.
  bool restore_as_prometheus = false;
  Nanos for_outage_tolerance = kHour;     ///< After a longer outage pending alerts begin anew.
  Nanos for_grace_period = 10 * kMinute;  ///< Restoring as Prometheus: what is waited for at least.
  Nanos resend_delay = kMinute;           ///< A firing alert is told of again after this.
  Nanos watch_interval = 5 * kSecond;     ///< Changed rule files are looked for; 0: not at all.
  bool api = false;                       ///< Clients may change rules.
};

/// Of the trace API.
struct Queries {
  Nanos timeout = 2 * kMinute;              ///< Of one query; 0: none.
  Nanos max_search_duration = 0;            ///< From start to end of a search; 0: any.
  Nanos max_metrics_duration = 24 * kHour;  ///< The same of a metrics query.
  uint32_t default_result_limit = 20;
  uint32_t max_result_limit = 262'144;  ///< 0: any.
  uint32_t default_spans_per_span_set = 3;
  uint32_t max_spans_per_span_set = 100;        ///< 0: any.
  uint64_t max_bytes_per_trace = 0;             ///< Of a trace that is given out; 0: any.
  uint64_t max_bytes_per_tag_values = 4 << 20;  ///< Of one list of names or values.
  bool mcp_server = false;                      ///< Language models may ask, at /api/mcp.
};

/// Of our own metrics under the names of a Collector, on a port of their own.
struct SelfMetrics {
  std::string address = "0.0.0.0:8888";  ///< Empty: does not listen.
  bool is_default = true;                ///< Nobody has asked for the address: it may be taken.
  bool without_type_suffix = false;      ///< No `_total`.
  bool without_units = false;            ///< No `_bytes`, `_seconds`.
  /// service.telemetry.resource: labels of every metric, over those that we give ourselves.
  std::vector<std::pair<std::string, std::string>> resource;
};

struct MetricsGenerator {
  bool enabled = true;
  Nanos collection_interval = 15 * kSecond;
  uint64_t max_active_series = 300'000;
  std::string trace_id_label_name = "traceID";
};

/// What tenants have of their own.
struct Overrides {
  TenantOverrides defaults;  ///< Also in Storage and Queries; here for what they do beyond these.
  std::string tenants_file;  ///< Read anew every `tenants_period`; empty: none.
  Nanos tenants_period = 10 * kSecond;
  bool user_configurable = false;  ///< Tenants may change theirs at /api/overrides.
  bool check_conflicts = false;    ///< But not what the file says, the first time.
};

/// What `global` sets for all scrape_configs, and each may set for itself. Limits: 0 is none.
struct ScrapeCommon {
  /// By Prometheus's names, the most wanted first; empty: what suits the histograms wanted.
  std::vector<std::string> scrape_protocols;
  bool scrape_native_histograms = false;
  bool always_scrape_classic_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  bool extra_scrape_metrics = false;
  std::string metric_name_escaping_scheme = "allow-utf-8";
  uint64_t body_size_limit = 0;
  uint64_t sample_limit = 0;
  uint64_t target_limit = 0;
  uint64_t label_limit = 0;
  uint64_t label_name_length_limit = 0;
  uint64_t label_value_length_limit = 0;
  uint64_t keep_dropped_targets = 0;
};

struct Scrape {
  std::string job_name;
  std::string scheme = "http";
  std::string metrics_path = "/metrics";
  std::vector<std::pair<std::string, std::vector<std::string>>> params;
  Nanos scrape_interval = kMinute;
  Nanos scrape_timeout = 10 * kSecond;
  ScrapeCommon common;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  std::string fallback_scrape_protocol;
  uint64_t native_histogram_bucket_limit = 0;
  double native_histogram_min_bucket_factor = 0;
  std::vector<TargetGroup> static_configs;
  std::vector<TargetFiles> file_sd_configs;
  relabel::Rules relabel_configs;
  relabel::Rules metric_relabel_configs;
  http::ClientOptions client;
};

/// An entry of alerting.alertmanagers.
struct Alertmanager {
  std::string scheme = "http";
  std::string path_prefix;  ///< Empty, or begins with a slash and does not end with one.
  Nanos timeout = 10 * kSecond;
  std::vector<TargetGroup> static_configs;
  std::vector<TargetFiles> file_sd_configs;
  relabel::Rules relabel_configs;        ///< Of Alertmanagers.
  relabel::Rules alert_relabel_configs;  ///< Of the alerts that these are sent.
  http::ClientOptions client;
};

struct Alerting {
  std::vector<Alertmanager> alertmanagers;
  relabel::Rules alert_relabel_configs;           ///< Of the alerts that anybody is sent.
  uint32_t notification_queue_capacity = 10'000;  ///< Alerts that wait, for each Alertmanager.
  uint32_t notification_batch_size = 256;
  bool drain_notification_queue_on_shutdown = true;
};

/// A dead man's switch: somebody is told all the time that rules and router work.
struct Heartbeat {
  http::Secret url;  ///< Not given: none.
  http::ClientOptions client;
  Nanos interval = 30 * kSecond;
  Nanos timeout = 10 * kSecond;

  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

/// Another Tocsin, which is watched.
struct Peer {
  std::string url;   ///< Of its API, without a slash at its end.
  std::string name;  ///< Label `instance` of its alert; by default host and port of the URL.
  Nanos interval = 15 * kSecond;
  Nanos timeout = 10 * kSecond;
  Nanos hold = kMinute;  ///< `for`: how long it is down before that is an alert.
  Labels labels;         ///< Added to the alert.
  http::ClientOptions client;

  friend bool operator==(const Peer&, const Peer&) = default;
};

/// Which message is written. Of 2.0 the receiver may ask to be sent 1.0 instead (415).
enum class WriteMessage : uint8_t { kV1, kV2 };

struct RemoteWrite {
  std::string name;
  std::string url;
  WriteMessage message = WriteMessage::kV1;
  bool send_exemplars = false;
  bool send_native_histograms = false;
  bool send_metadata = true;  ///< With 1.0 apart from samples, with 2.0 always beside them.
  Nanos metadata_interval = kMinute;
  uint32_t max_metadata_per_send = 2'000;
  Nanos remote_timeout = 30 * kSecond;
  std::vector<std::pair<std::string, std::string>> headers;
  relabel::Rules write_relabel_configs;
  http::ClientOptions client;
  uint32_t capacity = 10'000;  ///< Samples that wait in memory for each shard.
  uint32_t min_shards = 1;
  uint32_t max_shards = 50;
  uint32_t max_samples_per_send = 2'000;
  Nanos batch_send_deadline = 5 * kSecond;
  Nanos min_backoff = 30 * kMillisecond;
  Nanos max_backoff = 5 * kSecond;
  bool retry_on_http_429 = false;
  Nanos sample_age_limit = 0;     ///< Older samples are dropped; 0: none.
  Nanos wal_max_age = 2 * kHour;  ///< What could not be sent for longer is dropped; 0: nothing.
  /// And what takes more room, the oldest first; 0: no bound. There is one log for all writers: the
  /// largest of these counts, and of it no more than a twentieth of storage.max_bytes.
  uint64_t wal_max_bytes = 1'000'000'000;

  friend bool operator==(const RemoteWrite&, const RemoteWrite&) = default;
};

/// What of Prometheus's API is off unless asked for, as it is there, and the bounds of the rest.
struct Web {
  bool enable_admin_api = false;                ///< /api/v1/admin/tsdb/*
  bool enable_lifecycle = false;                ///< /-/reload, /-/quit
  bool enable_search_api = false;               ///< /api/v1/search/*
  uint32_t search_max_limit = 10'000;           ///< Of their `limit`; 0: any.
  uint32_t max_notifications_subscribers = 16;  ///< To /api/v1/notifications/live; at most 128.
};

struct Config {
  Server server;
  Web web;
  Receivers receivers;
  Memory memory;
  Storage storage;
  Queries queries;
  Series series;
  PromQl promql;
  SelfMetrics self_metrics;
  Overrides overrides;
  MetricsGenerator metrics_generator;
  bool strict_traceql = false;
  Nanos scrape_interval = kMinute;      ///< Where a scrape config has none; also of itself.
  Nanos scrape_timeout = 10 * kSecond;  ///< The same; at most the interval.
  ScrapeCommon scrape_common;           ///< The same.
  Nanos evaluation_interval = kMinute;
  Nanos rule_query_offset = 0;  ///< Of groups that have none.
  Rules rules;
  Labels external_labels;
  std::string external_url;             ///< Empty: made from the address of the API.
  std::vector<std::string> rule_files;  ///< Globs, absolute or relative to the working directory.
  bool self_scrape = true;              ///< Scrape itself as job `tempo`: no scrape_configs given.
  std::vector<Scrape> scrape_configs;
  Alerting alerting;
  Heartbeat heartbeat;
  std::vector<Peer> peers;
  std::vector<RemoteWrite> remote_write;
  /// The built-in router; without a receiver of the root route there is none. Finish()ed.
  routing::Config routing;
};

}  // namespace tocsin::config
