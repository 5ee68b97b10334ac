// From YAML and overrides to a Config: what is read, what is refused and where, what is warned of.

#include "cpp/config/load.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::config {
namespace {

using Overrides = std::vector<std::pair<std::string, std::string>>;
using testing::ElementsAre;
using testing::HasSubstr;

Loaded MustLoad(std::string_view text, const Overrides& overrides = {}) {
  Result<Loaded> loaded = Load({std::string(text), "etc/tocsin.yaml", overrides});
  EXPECT_TRUE(loaded.has_value()) << text << "\n" << loaded.error().ToString();
  return loaded.has_value() ? *std::move(loaded) : Loaded{};
}

std::string ErrorOf(std::string_view text, const Overrides& overrides = {}) {
  const Result<Loaded> loaded = Load({std::string(text), "etc/tocsin.yaml", overrides});
  if (loaded.has_value()) return "no error";
  EXPECT_EQ(loaded.error().code(), StatusCode::kInvalidArgument);
  return std::string(loaded.error().message());
}

TEST(LoadTest, NothingGivesTheDefaults) {
  for (const std::string_view text : {"", "# only a comment\n", "{}", "server:\nstorage:\n"}) {
    const Config config = MustLoad(text).config;
    EXPECT_EQ(config.server.http_address, "0.0.0.0:3200");
    EXPECT_EQ(config.receivers.otlp_grpc, "0.0.0.0:4317");
    EXPECT_EQ(config.receivers.otlp_http, "0.0.0.0:4318");
    EXPECT_EQ(config.storage.path, "./tocsin-data");
    EXPECT_EQ(config.storage.max_bytes, 30'000'000'000U);
    EXPECT_EQ(config.storage.block_retention, 720 * kHour);
    EXPECT_EQ(config.storage.trace_idle_period, 10 * kSecond);
    EXPECT_EQ(config.storage.max_block_bytes, 52'428'800U);
    EXPECT_EQ(config.storage.max_block_duration, 5 * kMinute);
    EXPECT_FALSE(config.storage.wal_sync_always);
    EXPECT_EQ(config.storage.wal_interval, 100 * kMillisecond);
    EXPECT_FALSE(config.strict_traceql);
    EXPECT_TRUE(config.self_scrape);
    EXPECT_TRUE(config.metrics_generator.enabled);
  }
}

TEST(LoadTest, SeedIngesterAndPool) {
  const Loaded loaded = MustLoad(R"(
ingester:
  trace_idle_period: 10s
  max_block_bytes: 1_000_000
  max_block_duration: 5m

storage:
  trace:
    pool:
      max_workers: 100
      queue_depth: 10000
)");
  EXPECT_EQ(loaded.config.storage.trace_idle_period, 10 * kSecond);
  EXPECT_EQ(loaded.config.storage.max_block_bytes, 1'000'000U);
  EXPECT_EQ(loaded.config.storage.max_block_duration, 5 * kMinute);
  EXPECT_EQ(loaded.config.storage.max_workers, 100U);
  EXPECT_EQ(loaded.config.storage.queue_depth, 10'000U);
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST(LoadTest, SeedMetricsGenerator) {
  const Loaded loaded = MustLoad(R"(
# Metrics Generator in Tempo
metricsGenerator:
  enabled: true
  config:
    storage:
      remote_write:
        - url: http://prometheus:9090/api/v1/write
          send_exemplars: true
)");
  ASSERT_EQ(loaded.config.remote_write.size(), 1U);
  EXPECT_EQ(loaded.config.remote_write[0].url, "http://prometheus:9090/api/v1/write");
  EXPECT_TRUE(loaded.config.remote_write[0].send_exemplars);
  EXPECT_THAT(loaded.effective, HasSubstr("send_exemplars: true  # etc/tocsin.yaml:9:27"));
  EXPECT_TRUE(loaded.warnings.empty());
}

TEST(LoadTest, SeedSamplersAreInertAndWarnedOf) {
  const Loaded head = MustLoad(R"(
# OpenTelemetry Collector
processors:
  probabilistic_sampler:
    sampling_percentage: 10  # 10% sampling
)");
  EXPECT_THAT(head.warnings,
              ElementsAre("etc/tocsin.yaml:4:3: processors.probabilistic_sampler has no effect: no "
                          "pipeline of service names it"));
  const Loaded tail = MustLoad(R"(
processors:
  tail_sampling:
    decision_wait: 10s
    num_traces: 100
    expected_new_traces_per_sec: 10
    policies:
      - name: error-traces
        type: status_code
        status_code:
          status_codes: [ERROR]
      - name: slow-traces
        type: latency
        latency:
          threshold_ms: 1000
service:
  pipelines:
    traces: {receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}
)");
  EXPECT_THAT(tail.warnings,
              ElementsAre("etc/tocsin.yaml:3:3: processors.tail_sampling has no effect: it is not "
                          "supported in this version"));
}

TEST(LoadTest, ServiceNamesWhatItsComponentsDo) {
  const Loaded loaded = MustLoad(R"(
service:
  telemetry: {logs: {level: debug}}
  pipelines:
    traces/2: {receivers: [otlp], processors: [], exporters: [otlp]}
    metrics: {receivers: [otlp]}
)");
  EXPECT_THAT(loaded.warnings,
              ElementsAre("etc/tocsin.yaml:3:15: service.telemetry.logs has no effect: log_level "
                          "of server sets what is logged",
                          "etc/tocsin.yaml:6:5: service.pipelines.metrics has no effect: only "
                          "traces are received"));
  EXPECT_THAT(ErrorOf("service: {pipelines: {trace: }}"),
              HasSubstr("unknown key \"trace\" in service.pipelines"));
  EXPECT_THAT(ErrorOf("service: {pipelines: {traces: {recievers: }}}"),
              HasSubstr("in service.pipelines.traces; did you mean \"receivers\"?"));
}

TEST(LoadTest, TelemetryOfTheService) {
  EXPECT_EQ(MustLoad("").config.self_metrics.address, "0.0.0.0:8888");
  EXPECT_TRUE(MustLoad("").config.self_metrics.is_default);
  const SelfMetrics old =
      MustLoad("service: {telemetry: {metrics: {address: ':9999', level: detailed}}}")
          .config.self_metrics;
  EXPECT_EQ(old.address, "0.0.0.0:9999");
  EXPECT_FALSE(old.is_default);
  const SelfMetrics off =
      MustLoad("service: {telemetry: {metrics: {level: none}}}").config.self_metrics;
  EXPECT_EQ(off.address, "");
  const Loaded loaded = MustLoad(R"(
service:
  telemetry:
    resource: {service.name: hub}
    metrics:
      readers:
      - periodic: {exporter: {otlp: {endpoint: "x:4317"}}}
      - pull: {exporter: {prometheus: {host: "::1", port: 0, without_type_suffix: true}}}
)");
  const SelfMetrics& read = loaded.config.self_metrics;
  EXPECT_EQ(read.address, "[::1]:0");
  EXPECT_TRUE(read.without_type_suffix);
  EXPECT_FALSE(read.without_units);
  EXPECT_THAT(read.resource, ElementsAre(testing::Pair("service.name", "hub")));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("readers[0].periodic has no effect")));
  const Result<Loaded> again = Load({loaded.effective, "", {}});
  ASSERT_TRUE(again.has_value()) << again.error().ToString() << "\n" << loaded.effective;
  EXPECT_TRUE(again->warnings.empty());
  EXPECT_EQ(again->config.self_metrics.address, read.address);
  EXPECT_TRUE(again->config.self_metrics.without_type_suffix);
  EXPECT_EQ(again->config.self_metrics.resource, read.resource);
  EXPECT_THAT(ErrorOf("service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: "
                      "{port: 99999}}}}]}}}"),
              HasSubstr("which is no address to listen on"));
  EXPECT_THAT(ErrorOf("service: {telemetry: {metrics: {adress: x}}}"),
              HasSubstr("did you mean \"address\"?"));
}

TEST(LoadTest, SeedTlsExporterNeedsNoCertificate) {
  const Loaded loaded = MustLoad(R"(
# OTel Collector exporter with TLS
exporters:
  otlp:
    endpoint: 192.168.64.105:4317
    tls:
      insecure: false
      cert_file: /path/to/cert.pem
      key_file: /path/to/key.pem
      ca_file: /path/to/ca.pem
)");
  EXPECT_EQ(loaded.warnings.size(), 1U);
}

TEST(LoadTest, ReceiversInBothDialects) {
  const auto endpoints = [](std::string_view text, const Overrides& overrides = {}) {
    const Receivers receivers = MustLoad(text, overrides).config.receivers;
    return receivers.otlp_grpc + " " + receivers.otlp_http;
  };
  EXPECT_EQ(endpoints("receivers: {otlp: {protocols: {grpc: , http: }}}"),
            "0.0.0.0:4317 0.0.0.0:4318");
  EXPECT_EQ(endpoints("receivers: {otlp: {protocols: {grpc: {endpoint: \"127.0.0.1:1\"}}}}"),
            "127.0.0.1:1 ");
  EXPECT_EQ(endpoints("receivers: {otlp: {protocols: {http: {endpoint: \":5\"}}}}"), " 0.0.0.0:5");
  EXPECT_EQ(endpoints("receivers: {otlp: }"), "0.0.0.0:4317 0.0.0.0:4318");
  EXPECT_EQ(endpoints("receivers: {zipkin: }"), " ");
  EXPECT_EQ(
      endpoints("distributor: {receivers: {otlp: {protocols: {grpc: {endpoint: \"[::1]:7\"}}}}}"),
      "[::1]:7 ");
  // An override changes what it names and nothing else.
  EXPECT_EQ(endpoints("", {{"receivers.otlp.protocols.grpc.endpoint", "127.0.0.1:0"}}),
            "127.0.0.1:0 0.0.0.0:4318");
  EXPECT_EQ(endpoints("receivers: {otlp: {protocols: {grpc: }}}",
                      {{"receivers.otlp.protocols.http.endpoint", "127.0.0.1:0"}}),
            "0.0.0.0:4317 127.0.0.1:0");
  EXPECT_EQ(endpoints("", {{"receivers.otlp.protocols.http.endpoint", ""}}), "0.0.0.0:4317 ");
  EXPECT_EQ(MustLoad("receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 8}}}}")
                .config.receivers.max_request_bytes,
            uint64_t{8} << 20);
  EXPECT_THAT(ErrorOf("receivers: {otlp: {protocols: {grpc: {tls: {cert_file: x}}}}}"),
              HasSubstr("receivers.otlp.protocols.grpc.tls is not supported in this version"));
  EXPECT_THAT(ErrorOf("receivers: {otlp: }\ndistributor: {receivers: {otlp: }}"),
              HasSubstr("are the same section; keep one"));
}

TEST(LoadTest, StorageInAllItsSpellings) {
  const Config tempo = MustLoad(R"(
storage:
  trace:
    backend: local
    local: {path: /var/tempo/traces}
    wal: {path: /var/tempo/wal}
live_store: {max_trace_idle: 3s, max_block_bytes: 2MB, max_block_duration: 30s}
compactor: {compaction: {block_retention: 48h}}
)")
                           .config;
  EXPECT_EQ(tempo.storage.path, "/var/tempo/traces");
  EXPECT_EQ(tempo.storage.trace_idle_period, 3 * kSecond);
  EXPECT_EQ(tempo.storage.max_block_bytes, 2'000'000U);
  EXPECT_EQ(tempo.storage.max_block_duration, 30 * kSecond);
  EXPECT_EQ(tempo.storage.block_retention, 48 * kHour);
  const Config own = MustLoad(R"(
storage: {path: data, max_bytes: 30Gi}
compaction: {block_retention: 30d}
wal: {sync: always, interval: 50ms}
traceql: {strict: true}
)")
                         .config;
  EXPECT_EQ(own.storage.path, "data");
  EXPECT_EQ(own.storage.max_bytes, uint64_t{30} << 30);
  EXPECT_EQ(own.storage.block_retention, 30 * kDay);
  EXPECT_TRUE(own.storage.wal_sync_always);
  EXPECT_EQ(own.storage.wal_interval, 50 * kMillisecond);
  EXPECT_TRUE(own.strict_traceql);
}

TEST(LoadTest, OneSettingUnderTwoNames) {
  const Loaded loaded =
      MustLoad("ingester: {max_block_bytes: 1MB}\nlive_store: {max_block_bytes: 2MB}\n");
  EXPECT_EQ(loaded.config.storage.max_block_bytes, 1'000'000U);
  EXPECT_THAT(loaded.warnings,
              ElementsAre("etc/tocsin.yaml:2:31: ingester.max_block_bytes is set here again; what "
                          "counts is line 1"));
  // An override wins under either name.
  EXPECT_EQ(MustLoad("ingester: {max_block_bytes: 1MB}", {{"live_store.max_block_bytes", "3MB"}})
                .config.storage.max_block_bytes,
            3'000'000U);
  EXPECT_EQ(MustLoad("live_store: {max_block_bytes: 1MB}", {{"ingester.max_block_bytes", "3MB"}})
                .config.storage.max_block_bytes,
            3'000'000U);
}

TEST(LoadTest, PrometheusSections) {
  const Loaded loaded = MustLoad(R"(
global:
  scrape_interval: 15s
  evaluation_interval: 30s
  external_labels: {cluster: app, zone: a}
rule_files: [rules/*.yaml, /etc/more.yaml]
scrape_configs:
- job_name: node
  static_configs:
  - targets: ["localhost:9100", "[::1]:9100", example.org]
    labels: {env: test}
- job_name: slow
  scrape_interval: 2m
  scrape_timeout: 1m
  metrics_path: federate
alerting:
  alertmanagers:
  - scheme: http
    path_prefix: /am/
    api_version: v2
    static_configs: [{targets: ["am1:9093", "am2:9093"]}]
remote_write:
- url: http://user:secret@prometheus:9090/api/v1/write
  name: main
  send_exemplars: true
  remote_timeout: 10s
  headers: {X-Scope-OrgID: a, Authorization: Bearer abc}
  queue_config: {capacity: 5000, max_samples_per_send: 100, batch_send_deadline: 1s,
                 min_backoff: 10ms, max_backoff: 1s, retry_on_http_429: true, max_shards: 3}
)");
  const Config& config = loaded.config;
  EXPECT_EQ(config.evaluation_interval, 30 * kSecond);
  EXPECT_EQ(config.external_labels.ToString(), R"({cluster="app", zone="a"})");
  EXPECT_THAT(config.rule_files, ElementsAre("etc/rules/*.yaml", "/etc/more.yaml"));
  EXPECT_FALSE(config.self_scrape);
  ASSERT_EQ(config.scrape_configs.size(), 2U);
  const Scrape& node = config.scrape_configs[0];
  EXPECT_EQ(node.job_name, "node");
  EXPECT_EQ(node.scrape_interval, 15 * kSecond);
  EXPECT_EQ(node.scrape_timeout, 10 * kSecond);
  ASSERT_EQ(node.static_configs.size(), 1U);
  EXPECT_THAT(node.static_configs[0].targets,
              ElementsAre("localhost:9100", "[::1]:9100", "example.org"));
  EXPECT_EQ(node.static_configs[0].labels.Get("env"), "test");
  EXPECT_EQ(config.scrape_configs[1].scrape_interval, 2 * kMinute);
  EXPECT_EQ(config.scrape_configs[1].scrape_timeout, kMinute);
  EXPECT_EQ(config.scrape_configs[1].metrics_path, "/federate");
  ASSERT_EQ(config.alerting.alertmanagers.size(), 1U);
  EXPECT_EQ(config.alerting.alertmanagers[0].path_prefix, "/am");
  EXPECT_THAT(config.alerting.alertmanagers[0].static_configs.at(0).targets,
              ElementsAre("am1:9093", "am2:9093"));
  ASSERT_EQ(config.remote_write.size(), 1U);
  const RemoteWrite& remote = config.remote_write[0];
  EXPECT_EQ(remote.name, "main");
  EXPECT_EQ(remote.remote_timeout, 10 * kSecond);
  EXPECT_EQ(remote.headers.size(), 2U);
  EXPECT_EQ(remote.max_samples_per_send, 100U);
  EXPECT_EQ(remote.min_backoff, 10 * kMillisecond);
  EXPECT_TRUE(remote.retry_on_http_429);
  EXPECT_EQ(remote.capacity, 5000U);
  EXPECT_EQ(remote.max_shards, 3U);
  EXPECT_THAT(loaded.warnings, ElementsAre());
  // Secrets are not shown.
  EXPECT_THAT(loaded.effective, HasSubstr("http://user:xxxxx@prometheus:9090/api/v1/write"));
  EXPECT_EQ(loaded.effective.find("Bearer"), std::string::npos);
}

struct Bad {
  std::string_view text;
  std::string_view error;
};

TEST(LoadTest, ErrorsStandAtTheirPlace) {
  constexpr Bad kCases[] = {
      {"a: [", "line 1, column"},
      {"- a\n", "line 1, column 1: a configuration must be a map, not a list"},
      {"server: 5", "line 1, column 9: server must be a map, not \"5\""},
      {"ingester:\n  max_block_byte: 1\n",
       "line 2, column 3: unknown key \"max_block_byte\" in ingester; did you mean "
       "\"max_block_bytes\"?"},
      {"ingestor: {}", "line 1, column 1: unknown key \"ingestor\"; did you mean \"ingester\"?"},
      {"zzzzzzzz: {}", "line 1, column 1: unknown key \"zzzzzzzz\""},
      {"storage:\n  max_bytes: 30XB\n",
       "line 2, column 14: storage.max_bytes: \"30XB\" is no size such as 30GB, 30Gi or 1_000_000"},
      {"ingester: {max_block_duration: 5q}",
       "line 1, column 32: ingester.max_block_duration: \"5q\" is no duration such as 10s, 1h30m "
       "or "
       "30d"},
      {"traceql: {strict: maybe}",
       "line 1, column 19: traceql.strict: \"maybe\" is no true or false"},
      {"wal: {sync: never}",
       "line 1, column 13: wal.sync: \"never\" is no known value; choose from interval always"},
      {"wal: {interval: 0s}", "line 1, column 17: wal.interval must not be 0"},
      {"server: {http_listen_port: 99999}",
       "line 1, column 28: server.http_listen_port and http_listen_address give 0.0.0.0:99999, "
       "which is no address"},
      {"server: {http_listen_port: [1]}",
       "line 1, column 28: server.http_listen_port must be a single value, not a list"},
      {"storage: {trace: {backend: s3}}",
       "line 1, column 28: storage.trace.backend: \"s3\" is no known value; choose from local"},
      {"storage: {trace: {pool: {max_workers: 0}}}",
       "line 1, column 39: storage.trace.pool.max_workers must not be 0"},
      {"receivers: {otlp: {protocols: {grpc: {endpoint: \"a b:1\"}}}}",
       "line 1, column 49: receivers.otlp.protocols.grpc.endpoint: \"a b:1\" is no address such as "
       "0.0.0.0:4317 or [::1]:4317"},
      {"receivers: {otlp: {protocols: {grpc: {endpoint: \"a\"}}}}", "is no address"},
      {"receivers: {otlp: {protocols: {grpc: {endpoint: \"::1:4317\"}}}}", "is no address"},
      {"receivers: {otlp: {protocols: {grpc: {endpoint: \"a:70000\"}}}}", "is no address"},
      {"rule_files: x.yaml", "line 1, column 13: rule_files must be a list, not \"x.yaml\""},
      {"global: {external_labels: [a]}",
       "line 1, column 27: global.external_labels must be a map, not a list"},
      {"global: {scrape_timeout: 2m}",
       "line 1, column 26: global.scrape_timeout must not be longer than the scrape_interval"},
      {"scrape_configs: [{}]", "line 1, column 18: scrape_configs[0].job_name is missing"},
      {"scrape_configs: [{job_name: a}, {job_name: a}]",
       "line 1, column 44: scrape_configs[1].job_name \"a\" stands twice"},
      {"scrape_configs: [{job_name: a, scrape_interval: 1s, scrape_timeout: 2s}]",
       "scrape_configs[0].scrape_timeout must not be longer than the scrape_interval"},
      {"global: {scrape_interval: 0s, scrape_timeout: 0s}\nscrape_configs: [{job_name: a}]",
       "line 1, column 27: global.scrape_interval must not be 0"},
      {"scrape_configs: [{job_name: a, static_configs: [{targets: [\"http://x\"]}]}]",
       "scrape_configs[0].static_configs[0].targets holds \"http://x\", which is no "
       "example.org:9090"},
      {"scrape_configs: [{job_name: a, kubernetes_sd_configs: []}]",
       "line 1, column 32: scrape_configs[0].kubernetes_sd_configs is not supported in this "
       "version"},
      {"scrape_configs: [7]", "line 1, column 18: scrape_configs[0] must be a map, not \"7\""},
      {"remote_write: [{name: a}]", "line 1, column 16: remote_write[0].url is missing"},
      {"remote_write: [{url: \"ftp:/x\"}]",
       "line 1, column 22: remote_write[0].url must be a URL such as http://example.org:9090/path"},
      {"remote_write: [{url: \"http://:1\"}]", "remote_write[0].url must be a URL"},
      {"remote_write: [{url: \"http://a\", name: x}, {url: \"http://b\", name: x}]",
       "remote_write[1].name \"x\" stands twice"},
      {"remote_write: [{url: \"http://a\", queue_config: {min_backoff: 9s}}]",
       "remote_write[0].queue_config.min_backoff must not be longer than max_backoff"},
      {"multitenancy_enabled: true",
       "line 1, column 23: multitenancy_enabled is not supported in this version"},
  };
  for (const Bad& bad : kCases) {
    const std::string error = ErrorOf(bad.text);
    EXPECT_TRUE(error.starts_with("etc/tocsin.yaml: line ")) << bad.text << "\n" << error;
    EXPECT_THAT(error, HasSubstr(bad.error)) << bad.text;
  }
}

TEST(LoadTest, TheFirstErrorOfTheFileIsReturned) {
  EXPECT_THAT(ErrorOf("wal: {sync: never}\nserver: {nope: 1}\ningester: {nope: 1}"),
              HasSubstr("line 1, column 13"));
  EXPECT_THAT(ErrorOf("server: {nope: 1}\nwal: {sync: never}", {{"storage.max_bytes", "x"}}),
              HasSubstr("line 1, column 10"));
}

TEST(LoadTest, OverridesAreCheckedAndNamed) {
  EXPECT_EQ(ErrorOf("", {{"storage.max_bytes", "30XB"}}),
            "--set storage.max_bytes: storage.max_bytes: \"30XB\" is no size such as 30GB, 30Gi or "
            "1_000_000");
  EXPECT_EQ(ErrorOf("", {{"storage.max_byte", "30GB"}}),
            "--set storage.max_byte: unknown key \"max_byte\" in storage; did you mean "
            "\"max_bytes\"?");
  EXPECT_EQ(ErrorOf("server: 5", {{"server.http_listen_port", "1"}}),
            "--set server.http_listen_port: nothing can be set at \"http_listen_port\"");
  EXPECT_EQ(ErrorOf("", {{"server..x", "1"}}), "--set server..x: nothing can be set at \"\"");
  EXPECT_EQ(ErrorOf("", {{"", "1"}}), "--set : nothing can be set at \"\"");
  EXPECT_THAT(ErrorOf("", {{"rule_files", "[a"}}), HasSubstr("--set rule_files: line 1, column"));
}

TEST(LoadTest, OverridesReachEverySetting) {
  const Loaded loaded = MustLoad("scrape_configs: [{job_name: a}]\nserver: {http_listen_port: 1}\n",
                                 {{"server.http_listen_port", "2"},
                                  {"server.http_listen_port", "3"},
                                  {"storage.path", "/data"},
                                  {"scrape_configs.0.scrape_interval", "7s"},
                                  {"scrape_configs.1", "{job_name: b}"},
                                  {"remote_write.0.url", "http://x:1/w"},
                                  {"rule_files", "[a.yaml, /b.yaml]"},
                                  {"server.http_listen_address", "::1"}});
  EXPECT_EQ(loaded.config.server.http_address, "[::1]:3");
  EXPECT_EQ(loaded.config.storage.path, "/data");
  ASSERT_EQ(loaded.config.scrape_configs.size(), 2U);
  EXPECT_EQ(loaded.config.scrape_configs[0].scrape_interval, 7 * kSecond);
  EXPECT_EQ(loaded.config.scrape_configs[1].job_name, "b");
  EXPECT_EQ(loaded.config.remote_write[0].url, "http://x:1/w");
  // Typed in a shell: relative to where it was typed.
  EXPECT_THAT(loaded.config.rule_files, ElementsAre("a.yaml", "/b.yaml"));
}

TEST(LoadTest, ReceiversListenOnlyWhereNamedIfThatIsAskedFor) {
  Source source{.text = "", .file_name = "", .overrides = {}, .only_named_receivers = true};
  EXPECT_EQ(Load(source)->config.receivers.otlp_grpc, "");
  EXPECT_EQ(Load(source)->config.receivers.otlp_http, "");
  source.overrides = {{"receivers.otlp.protocols.http.endpoint", "127.0.0.1:0"}};
  EXPECT_EQ(Load(source)->config.receivers.otlp_grpc, "");
  EXPECT_EQ(Load(source)->config.receivers.otlp_http, "127.0.0.1:0");
  source.overrides.clear();
  source.text = "receivers: {otlp: {protocols: {grpc: }}}";
  EXPECT_EQ(Load(source)->config.receivers.otlp_grpc, "0.0.0.0:4317");
  EXPECT_EQ(Load(source)->config.receivers.otlp_http, "");
}

TEST(LoadTest, SamplesAndPromQlAreConfigured) {
  const Loaded loaded = MustLoad(R"(
storage:
  tsdb: {out_of_order_time_window: 30m, max_series: 5, retention: {time: 3d}}
  exemplars: {max_exemplars: 7}
promql: {timeout: 9s, lookback_delta: 1m, max_samples: 11, use_start_timestamps: true}
web: {enable_admin_api: true, search_max_limit: 0, max_notifications_subscribers: 2}
)");
  EXPECT_EQ(loaded.config.series.out_of_order_time_window, 30 * kMinute);
  EXPECT_EQ(loaded.config.series.max_series, 5U);
  EXPECT_EQ(loaded.config.series.retention, 3 * kDay);
  EXPECT_EQ(loaded.config.series.max_exemplars, 7U);
  EXPECT_EQ(loaded.config.promql.timeout, 9 * kSecond);
  EXPECT_EQ(loaded.config.promql.lookback_delta, kMinute);
  EXPECT_EQ(loaded.config.promql.max_samples, 11U);
  EXPECT_TRUE(loaded.config.promql.use_start_timestamps);
  EXPECT_FALSE(loaded.config.promql.type_and_unit_labels);
  EXPECT_TRUE(loaded.config.web.enable_admin_api);
  EXPECT_FALSE(loaded.config.web.enable_lifecycle);
  EXPECT_FALSE(loaded.config.web.enable_search_api);
  EXPECT_EQ(loaded.config.web.search_max_limit, 0U);
  EXPECT_EQ(loaded.config.web.max_notifications_subscribers, 2U);
  EXPECT_THAT(ErrorOf("web: {max_notifications_subscribers: 129}"), HasSubstr("at most 128"));
  EXPECT_THAT(ErrorOf("promql: {timeout: 0s}"), HasSubstr("timeout"));
  EXPECT_THAT(ErrorOf("storage: {tsdb: {max_serie: 1}}"), HasSubstr("max_series"));
}

TEST(LoadTest, ForeignSectionsAreAcceptedWithAReason) {
  const Loaded loaded = MustLoad(R"(
target: all
memberlist: {join_members: [a]}
querier: {max_concurrent_queries: 20}
query_frontend: {max_retries: 2}
usage_report: {reporting_enabled: false}
stream_over_http_enabled: true
overrides: {defaults: {metrics_generator: {processors: [span-metrics, service-graphs]}}}
server: {grpc_listen_port: 9095, log_level: warn}
extensions: {health_check: }
storage: {tsdb: {retention: {size: 1GB}}}
)");
  EXPECT_EQ(loaded.warnings.size(), 10U);
  EXPECT_EQ(loaded.config.server.log_level, "warn");
  for (const std::string& warning : loaded.warnings) {
    EXPECT_THAT(warning, HasSubstr(" has no effect: ")) << warning;
  }
}

TEST(LoadTest, LimitsOfQueriesInBothSpellings) {
  const Queries own = MustLoad(R"(
query_frontend:
  api_timeout: 30s
  max_bytes_per_trace: 5MB
  search: {max_duration: 168h, default_result_limit: 50, max_spans_per_span_set: 0}
  metrics: {max_duration: 3h}
)")
                          .config.queries;
  EXPECT_EQ(own.timeout, 30 * kSecond);
  EXPECT_EQ(own.max_bytes_per_trace, 5'000'000U);
  EXPECT_EQ(own.max_search_duration, 168 * kHour);
  EXPECT_EQ(own.default_result_limit, 50U);
  EXPECT_EQ(own.max_spans_per_span_set, 0U);
  EXPECT_EQ(own.max_metrics_duration, 3 * kHour);
  const Loaded theirs = MustLoad(R"(
overrides:
  defaults:
    global: {max_bytes_per_trace: 1000}
    read: {max_bytes_per_tag_values_query: 2000}
)");
  EXPECT_EQ(theirs.config.queries.max_bytes_per_trace, 1000U);
  EXPECT_EQ(theirs.config.queries.max_bytes_per_tag_values, 2000U);
  EXPECT_THAT(ErrorOf("query_frontend: {serach: {}}"), HasSubstr("did you mean \"search\"?"));
}

TEST(LoadTest, MemoryHasALimitAndARatio) {
  EXPECT_EQ(MustLoad("").config.memory.limit, 0U);
  EXPECT_EQ(MustLoad("").config.memory.ratio, 0.8);
  const Config own = MustLoad("memory: {limit: 256Mi, ratio: 0.5}").config;
  EXPECT_EQ(own.memory.limit, uint64_t{256} << 20);
  EXPECT_EQ(own.memory.ratio, 0.5);
  EXPECT_EQ(MustLoad("", {{"memory.ratio", "1"}}).config.memory.ratio, 1);
  for (const char* ratio : {"0", "-1", "1.1", "NaN", "x"}) {
    EXPECT_THAT(ErrorOf(std::string("memory: {ratio: ") + ratio + "}"),
                HasSubstr("memory.ratio is a number above 0, up to 1"))
        << ratio;
  }
  EXPECT_THAT(ErrorOf("memory: {limits: 1}"), HasSubstr("limit"));
}

TEST(LoadTest, TheEffectiveFileShowsOriginsAndLoadsToItself) {
  const Loaded loaded = MustLoad(R"(
storage: {max_bytes: 30Gi}
receivers: {otlp: {protocols: {grpc: }}}
rule_files: ["a \"b\".yaml"]
scrape_configs: [{job_name: a, static_configs: [{targets: ["x:1"], labels: {l: "v\n"}}]}, {job_name: b}]
alerting: {alertmanagers: [{static_configs: [{targets: ["am:1"]}]}]}
remote_write: [{url: "http://a/b"}, {url: "http://b/c", headers: {a: "b"}}]
alertmanager:
  route: {receiver: r, group_by: [x]}
  receivers: [{name: r, webhook_configs: [{url_file: w}]}, {name: s}]
server: {external_url: "http://tocsin:3200"}
)",
                                 {{"wal.sync", "always"}});
  EXPECT_THAT(loaded.effective, HasSubstr("max_bytes: 32212254720  # etc/tocsin.yaml:2:22\n"));
  EXPECT_THAT(loaded.effective, HasSubstr("max_block_duration: 5m  # default\n"));
  EXPECT_THAT(loaded.effective, HasSubstr("sync: always  # --set wal.sync\n"));
  EXPECT_THAT(loaded.effective, HasSubstr("endpoint: \"\"  # etc/tocsin.yaml:3:31\n"));
  const Result<Loaded> again = Load({loaded.effective, "", {}});
  ASSERT_TRUE(again.has_value()) << again.error().ToString() << "\n" << loaded.effective;
  EXPECT_TRUE(again->warnings.empty());
  // The same but for the origins.
  const auto without_comments = [](const std::string& text) {
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin);
      const std::string line = text.substr(begin, end - begin);
      out.append(line.substr(0, line.rfind("  # "))).append("\n");
      begin = end + 1;
    }
    return out;
  };
  EXPECT_EQ(without_comments(again->effective), without_comments(loaded.effective));
  EXPECT_EQ(again->config.remote_write.size(), 2U);
  EXPECT_EQ(again->config.rule_files, loaded.config.rule_files);
}

TEST(LoadTest, EveryTruncationIsAnswered) {
  const std::string text = R"(
server: {http_listen_address: "::", http_listen_port: 0x10}
receivers: {otlp: {protocols: {grpc: , http: {endpoint: "a:1"}}}}
scrape_configs:
- job_name: a
  static_configs: [{targets: ["x:1"], labels: {l: "v"}}]
remote_write: [{url: "http://a/b", headers: {a: "b"}}]
alertmanager: {route: {receiver: r}, receivers: [{name: r, webhook_configs: [{url: "http://w"}]}]}
)";
  MustLoad(text);
  for (size_t size = 0; size < text.size(); ++size) {
    const Result<Loaded> loaded = Load({text.substr(0, size), "", {}});
    if (loaded.has_value()) continue;
    EXPECT_THAT(std::string(loaded.error().message()), HasSubstr("line ")) << size;
  }
}

}  // namespace
}  // namespace tocsin::config
