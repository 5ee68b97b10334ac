#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kOwnLimits = "Tocsin has limits of its own";

void ReadLabels(Section* section, std::string_view key, Labels* out) {
  TextPairs pairs;
  section->Pairs(key, &pairs);
  for (auto& [name, value] : pairs) out->Set(name, value);
}

void ReadGlobal(Section* top, Config* config) {
  Section global = top->Map("global");
  global.Period("scrape_interval", &config->scrape_interval);
  global.Period("scrape_timeout", &config->scrape_timeout);
  global.Period("evaluation_interval", &config->evaluation_interval);
  ReadLabels(&global, "external_labels", &config->external_labels);
  global.NotZero("scrape_interval", config->scrape_interval);
  global.NotZero("scrape_timeout", config->scrape_timeout);
  global.NotZero("evaluation_interval", config->evaluation_interval);
  if (config->scrape_timeout > config->scrape_interval) {
    if (global.Any("scrape_timeout") != nullptr) {
      global.Fail("scrape_timeout", "must not be longer than the scrape_interval");
    }
    config->scrape_timeout = config->scrape_interval;
  }
  global.Refuse({"rule_query_offset"});
  global.Ignore({"query_log_file", "scrape_failure_log_file"}, "there is one log, on stderr");
  global.Ignore({"scrape_protocols", "scrape_native_histograms", "always_scrape_classic_histograms",
                 "convert_classic_histograms_to_nhcb", "metric_name_validation_scheme",
                 "metric_name_escaping_scheme"},
                "the scrape speaks the Prometheus text format");
  global.Ignore({"body_size_limit", "sample_limit", "label_limit", "label_name_length_limit",
                 "label_value_length_limit", "target_limit", "keep_dropped_targets"},
                kOwnLimits);
  global.Done();
}

// "host:port" of each target; a target without a port has 80.
void ReadTargets(Section* section, std::vector<std::string>* out) {
  std::vector<std::string> targets;
  section->Texts("targets", &targets);
  for (const std::string& target : targets) {
    std::string endpoint = NormalEndpoint(target, 80);
    if (endpoint.empty() || target.starts_with(':')) {
      section->Fail("targets", "holds \"" + target + "\", which is no example.org:9090");
    }
    out->push_back(std::move(endpoint));
  }
}

std::vector<ScrapeTargets> ReadStaticConfigs(Section* section, bool with_labels) {
  std::vector<ScrapeTargets> all;
  for (Section& entry : section->Maps("static_configs")) {
    ScrapeTargets out;
    ReadTargets(&entry, &out.targets);
    if (with_labels) {
      ReadLabels(&entry, "labels", &out.labels);
    } else {
      entry.Ignore({"labels"}, "an Alertmanager is not labelled");
    }
    entry.Done();
    all.push_back(std::move(out));
  }
  return all;
}

// What discovers targets, or reaches them in ways that are not there yet.
void RefuseClientSettings(Section* section) {
  section->Refuse({"basic_auth", "authorization", "oauth2", "tls_config", "proxy_url",
                   "proxy_from_environment", "proxy_connect_header", "no_proxy", "http_headers",
                   "sigv4", "azuread", "google_iam"});
  section->Refuse({"azure_sd_configs",     "consul_sd_configs",     "digitalocean_sd_configs",
                   "dns_sd_configs",       "docker_sd_configs",     "dockerswarm_sd_configs",
                   "ec2_sd_configs",       "eureka_sd_configs",     "file_sd_configs",
                   "gce_sd_configs",       "hetzner_sd_configs",    "http_sd_configs",
                   "ionos_sd_configs",     "kubernetes_sd_configs", "kuma_sd_configs",
                   "lightsail_sd_configs", "linode_sd_configs",     "marathon_sd_configs",
                   "nerve_sd_configs",     "nomad_sd_configs",      "openstack_sd_configs",
                   "ovhcloud_sd_configs",  "puppetdb_sd_configs",   "scaleway_sd_configs",
                   "serverset_sd_configs", "stackit_sd_configs",    "triton_sd_configs",
                   "uyuni_sd_configs",     "vultr_sd_configs"});
  section->Ignore({"follow_redirects", "enable_http2"}, "requests are plain HTTP/1.1");
}

Scrape ReadScrape(Section* section, const Config& config) {
  Scrape out;
  section->Text("job_name", &out.job_name);
  if (out.job_name.empty()) section->Fail("job_name", "is missing");
  out.scrape_interval = config.scrape_interval;
  section->Period("scrape_interval", &out.scrape_interval);
  out.scrape_timeout = std::min(config.scrape_timeout, out.scrape_interval);
  section->Period("scrape_timeout", &out.scrape_timeout);
  section->NotZero("scrape_interval", out.scrape_interval);
  section->NotZero("scrape_timeout", out.scrape_timeout);
  if (out.scrape_timeout > out.scrape_interval) {
    section->Fail("scrape_timeout", "must not be longer than the scrape_interval");
  }
  section->Text("metrics_path", &out.metrics_path);
  if (!out.metrics_path.starts_with('/')) out.metrics_path.insert(0, "/");
  section->Choice("scheme", {"http"}, &out.scheme);
  out.static_configs = ReadStaticConfigs(section, true);
  section->Refuse({"honor_labels", "params", "relabel_configs", "metric_relabel_configs"});
  RefuseClientSettings(section);
  section->Ignore({"honor_timestamps", "track_timestamps_staleness", "scrape_protocols",
                   "fallback_scrape_protocol", "enable_compression", "scrape_native_histograms",
                   "always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb",
                   "scrape_classic_histograms", "metric_name_validation_scheme",
                   "metric_name_escaping_scheme", "scrape_failure_log_file"},
                  "the scrape speaks the Prometheus text format");
  section->Ignore({"body_size_limit", "sample_limit", "label_limit", "label_name_length_limit",
                   "label_value_length_limit", "target_limit", "keep_dropped_targets",
                   "native_histogram_bucket_limit", "native_histogram_min_bucket_factor"},
                  kOwnLimits);
  section->Done();
  return out;
}

void ReadScrapes(Section* top, Config* config) {
  const lib::Yaml* list = top->Any("scrape_configs");
  if (list == nullptr) return;
  config->self_scrape = false;
  top->reading().Claim("scrape_configs", *list);
  std::set<std::string> jobs;
  for (Section& section : top->Maps("scrape_configs")) {
    Scrape scrape = ReadScrape(&section, *config);
    if (!scrape.job_name.empty() && !jobs.insert(scrape.job_name).second) {
      section.Fail("job_name", "\"" + scrape.job_name + "\" stands twice");
    }
    config->scrape_configs.push_back(std::move(scrape));
  }
}

void ReadAlertmanagers(Section* top, Config* config) {
  Section alerting = top->Map("alerting");
  for (Section& section : alerting.Maps("alertmanagers")) {
    Alertmanager out;
    section.Choice("scheme", {"http"}, &out.scheme);
    section.Text("path_prefix", &out.path_prefix);
    while (out.path_prefix.ends_with('/')) out.path_prefix.pop_back();
    if (!out.path_prefix.empty() && out.path_prefix.front() != '/') out.path_prefix.insert(0, "/");
    section.Period("timeout", &out.timeout);
    section.NotZero("timeout", out.timeout);
    std::string version = "v2";
    section.Choice("api_version", {"v2"}, &version);
    for (ScrapeTargets& group : ReadStaticConfigs(&section, false)) {
      std::move(group.targets.begin(), group.targets.end(), std::back_inserter(out.targets));
    }
    section.Refuse({"relabel_configs", "alert_relabel_configs"});
    RefuseClientSettings(&section);
    section.Done();
    config->alertmanagers.push_back(std::move(out));
  }
  alerting.Refuse({"alert_relabel_configs"});
  alerting.Done();
}

void ReadQueueConfig(Section* section, RemoteWrite* out) {
  Section queue = section->Map("queue_config");
  queue.Count("max_samples_per_send", &out->max_samples_per_send);
  queue.Period("batch_send_deadline", &out->batch_send_deadline);
  queue.Period("min_backoff", &out->min_backoff);
  queue.Period("max_backoff", &out->max_backoff);
  queue.Bool("retry_on_http_429", &out->retry_on_http_429);
  queue.Period("wal_max_age", &out->wal_max_age);
  queue.Size("wal_max_bytes", &out->wal_max_bytes);
  queue.Ignore({"max_shards", "min_shards"}, "one connection keeps the order of samples");
  queue.Ignore({"capacity"}, "samples wait in the log on disk, which wal_max_bytes bounds");
  queue.Ignore({"sample_age_limit"}, "wal_max_age is what bounds the age");
  queue.NotZero("max_samples_per_send", out->max_samples_per_send);
  if (out->min_backoff > out->max_backoff) {
    queue.Fail("min_backoff", "must not be longer than max_backoff");
  }
  queue.Done();
}

void ReadRuleFiles(Section* top, const std::string& folder, Config* config) {
  top->Texts("rule_files", &config->rule_files);
  const lib::Yaml* list = top->Any("rule_files");
  for (std::string& file : config->rule_files) {
    if (file.empty()) top->reading().Error(*list, "rule_files holds an empty name");
    const bool relative = !file.starts_with('/');
    // An override is typed in a shell, where the working directory is what counts.
    if (relative && !folder.empty() && !Reading::IsOverride(*list)) file.insert(0, folder + "/");
  }
}

}  // namespace

void CheckHttpUrl(Section* section, std::string_view key, const std::string& url) {
  if (section->Any(key) == nullptr) return section->Fail(key, "is missing");
  if (url.starts_with("https://")) {
    return section->Fail(key, "has https, which is not supported in this version");
  }
  constexpr std::string_view kScheme = "http://";
  std::string_view authority = url;
  bool good = url.starts_with(kScheme) && url.find_first_of(" \t\r\n") == std::string::npos;
  if (good) {
    authority.remove_prefix(kScheme.size());
    authority = authority.substr(0, authority.find_first_of("/?#"));
    const size_t at = authority.rfind('@');
    if (at != std::string_view::npos) authority.remove_prefix(at + 1);
    good = !authority.starts_with(':') && !NormalEndpoint(authority, 80).empty();
  }
  if (!good) section->Fail(key, "must be a URL such as http://example.org:9090/path");
}

void ReadRemoteWrites(Section* section, Config* config) {
  for (Section& entry :
       section->Maps("remote_write", "remote_write", config->remote_write.size())) {
    RemoteWrite out;
    entry.Text("url", &out.url);
    CheckHttpUrl(&entry, "url", out.url);
    entry.Text("name", &out.name);
    const auto same_name = [&](const RemoteWrite& other) { return other.name == out.name; };
    if (!out.name.empty() &&
        std::any_of(config->remote_write.begin(), config->remote_write.end(), same_name)) {
      entry.Fail("name", "\"" + out.name + "\" stands twice");
    }
    entry.Bool("send_exemplars", &out.send_exemplars);
    entry.Period("remote_timeout", &out.remote_timeout);
    entry.NotZero("remote_timeout", out.remote_timeout);
    entry.Pairs("headers", &out.headers);
    ReadQueueConfig(&entry, &out);
    entry.Refuse({"write_relabel_configs"});
    RefuseClientSettings(&entry);
    std::string message = "prometheus.WriteRequest";
    entry.Choice("protobuf_message", {"prometheus.WriteRequest"}, &message);
    entry.Ignore({"metadata_config", "send_native_histograms", "round_robin_dns"},
                 "it is not supported in this version");
    entry.Done();
    config->remote_write.push_back(std::move(out));
  }
}

void ReadPrometheusSections(Section* top, const std::string& folder, Config* config) {
  ReadGlobal(top, config);
  ReadRuleFiles(top, folder, config);
  ReadScrapes(top, config);
  ReadAlertmanagers(top, config);
  ReadRemoteWrites(top, config);
  top->Refuse({"scrape_config_files", "remote_read"});
  top->Ignore({"runtime", "tracing", "otlp"}, "it has no counterpart here");
}

}  // namespace tocsin::config
