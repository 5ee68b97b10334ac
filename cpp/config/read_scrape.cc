// What is scraped: scrape_configs, and what `global` sets for all of them.

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/format.h"
#include "cpp/base/glob.h"
#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

const std::set<std::string, std::less<>>& Protocols() {
  static const std::set<std::string, std::less<>> names{
      "PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
      "PrometheusText0.0.4"};
  return names;
}

std::string UnknownProtocol(const std::string& name) {
  std::string message = "\"" + name + "\" is no scrape protocol; choose from";
  for (const std::string& known : Protocols()) message.append(" ").append(known);
  return message;
}

void ReadProtocols(Section* section, std::vector<std::string>* out) {
  if (section->Any("scrape_protocols") == nullptr) return;
  std::vector<std::string> names;
  section->Texts("scrape_protocols", &names);
  if (names.empty()) section->Fail("scrape_protocols", "must not be empty");
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!Protocols().contains(name)) section->Fail("scrape_protocols", UnknownProtocol(name));
    if (!seen.insert(name).second) section->Fail("scrape_protocols", "names " + name + " twice");
  }
  *out = std::move(names);
}

void ReadParams(Section* section, Scrape* out) {
  Section params = section->Map("params");
  if (params.present()) {
    for (const auto& [name, values] : params.node()->members) {
      out->params.emplace_back(name.scalar, std::vector<std::string>());
      params.Texts(name.scalar, &out->params.back().second);
    }
  }
  params.Done();
}

// As Prometheus has it: only the last part of the path may have a `*`, and only one.
bool IsTargetFile(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view ending = path.substr(dot + 1);
  const bool known = ending == "json" || ending == "yml" || ending == "yaml" || ending == "JSON" ||
                     ending == "YML" || ending == "YAML";
  const size_t star = path.find('*');
  return known && (star == std::string_view::npos ||
                   path.find_first_of("*/", star + 1) == std::string_view::npos);
}

void ReadTimes(Section* section, const Config& config, Scrape* out) {
  out->scrape_interval = config.scrape_interval;
  section->Period("scrape_interval", &out->scrape_interval);
  out->scrape_timeout = std::min(config.scrape_timeout, out->scrape_interval);
  section->Period("scrape_timeout", &out->scrape_timeout);
  section->NotZero("scrape_interval", out->scrape_interval);
  section->NotZero("scrape_timeout", out->scrape_timeout);
  if (out->scrape_timeout > out->scrape_interval) {
    section->Fail("scrape_timeout", "must not be longer than the scrape_interval");
  }
}

Scrape ReadScrape(Section* section, const Config& config) {
  Scrape out;
  section->Text("job_name", &out.job_name);
  if (out.job_name.empty()) section->Fail("job_name", "is missing");
  ReadTimes(section, config, &out);
  out.common = config.scrape_common;
  ReadScrapeCommon(section, &out.common);
  section->Text("metrics_path", &out.metrics_path);
  if (!out.metrics_path.starts_with('/')) out.metrics_path.insert(0, "/");
  section->Choice("scheme", {"http", "https"}, &out.scheme);
  ReadParams(section, &out);
  section->Bool("honor_labels", &out.honor_labels);
  section->Bool("honor_timestamps", &out.honor_timestamps);
  section->Bool("track_timestamps_staleness", &out.track_timestamps_staleness);
  section->Bool("enable_compression", &out.enable_compression);
  section->Text("fallback_scrape_protocol", &out.fallback_scrape_protocol);
  if (!out.fallback_scrape_protocol.empty() &&
      !Protocols().contains(out.fallback_scrape_protocol)) {
    section->Fail("fallback_scrape_protocol", UnknownProtocol(out.fallback_scrape_protocol));
  }
  section->Count64("native_histogram_bucket_limit", &out.native_histogram_bucket_limit);
  std::string factor;
  section->Text("native_histogram_min_bucket_factor", &factor);
  if (!factor.empty()) {
    const std::optional<double> number = ParseGoFloat(factor);
    if (!number.has_value()) section->Fail("native_histogram_min_bucket_factor", "is no number");
    out.native_histogram_min_bucket_factor = number.value_or(0);
  }
  out.relabel_configs = ReadRelabelRules(section, "relabel_configs");
  out.metric_relabel_configs = ReadRelabelRules(section, "metric_relabel_configs");
  ReadStaticConfigs(section, &out.static_configs);
  ReadFileConfigs(section, &out.file_sd_configs);
  ReadHttpClient(section, &out.client);
  RefuseOtherDiscovery(section);
  section->Done();
  return out;
}

// `section`: where scrape_configs stands. Names of jobs are unique over all files.
void ReadJobs(Section* section, Config* config, std::set<std::string>* jobs) {
  const lib::Yaml* list = section->Any("scrape_configs");
  if (list == nullptr) return;
  config->self_scrape = false;
  section->reading().Claim("scrape_configs", *list);
  for (Section& job : section->Maps("scrape_configs")) {
    Scrape scrape = ReadScrape(&job, *config);
    if (!scrape.job_name.empty() && !jobs->insert(scrape.job_name).second) {
      job.Fail("job_name", "\"" + scrape.job_name + "\" stands twice");
    }
    config->scrape_configs.push_back(std::move(scrape));
  }
}

// The files of one entry of scrape_config_files: `at`.
void ReadJobFiles(Section* top, const lib::Yaml& at, const std::string& pattern, Config* config,
                  std::set<std::string>* jobs) {
  Reading& reading = top->reading();
  const std::string resolved = reading.Resolve(at, pattern);
  const std::vector<std::string> paths = ExpandGlob(resolved);
  if (paths.empty() && !HasWildcard(resolved)) {
    reading.Error(at, "scrape_config_files: cannot read " + resolved);
  }
  for (const std::string& path : paths) {
    const std::optional<lib::Yaml> tree = reading.ReadOther(at, "scrape_config_files", path);
    if (!tree.has_value() || tree->IsNull()) continue;
    Reading its_own(path);
    Section file(&its_own, &*tree, "", "");
    if (file.present()) {
      ReadJobs(&file, config, jobs);
      file.Done();
    }
    reading.Adopt(at, std::move(its_own));
  }
}

}  // namespace

void ReadScrapeCommon(Section* section, ScrapeCommon* out) {
  ReadProtocols(section, &out->scrape_protocols);
  section->Bool("scrape_native_histograms", &out->scrape_native_histograms);
  section->Bool("always_scrape_classic_histograms", &out->always_scrape_classic_histograms);
  section->Bool("convert_classic_histograms_to_nhcb", &out->convert_classic_histograms_to_nhcb);
  section->Bool("extra_scrape_metrics", &out->extra_scrape_metrics);
  section->Choice("metric_name_escaping_scheme", {"allow-utf-8", "underscores", "dots", "values"},
                  &out->metric_name_escaping_scheme);
  std::string scheme = "utf8";
  section->Choice("metric_name_validation_scheme", {"utf8", "legacy"}, &scheme);
  // Exporters are then asked for names of the old characters; others are still taken.
  if (scheme == "legacy" && out->metric_name_escaping_scheme == "allow-utf-8") {
    out->metric_name_escaping_scheme = "underscores";
  }
  section->BinarySize("body_size_limit", &out->body_size_limit);
  section->Count64("sample_limit", &out->sample_limit);
  section->Count64("target_limit", &out->target_limit);
  section->Count64("label_limit", &out->label_limit);
  section->Count64("label_name_length_limit", &out->label_name_length_limit);
  section->Count64("label_value_length_limit", &out->label_value_length_limit);
  section->Count64("keep_dropped_targets", &out->keep_dropped_targets);
  section->Ignore({"scrape_failure_log_file"}, "there is one log, on stderr");
}

void ReadStaticConfigs(Section* section, std::vector<TargetGroup>* out) {
  for (Section& entry : section->Maps("static_configs")) {
    TargetGroup group;
    entry.Texts("targets", &group.targets);
    for (const std::string& target : group.targets) {
      if (target.empty() || target.find('/') != std::string::npos) {
        entry.Fail("targets", "holds \"" + target + "\", which is no example.org:9090");
      }
    }
    TextPairs labels;
    entry.Pairs("labels", &labels);
    for (auto& [name, value] : labels) group.labels.Set(name, value);
    entry.Done();
    out->push_back(std::move(group));
  }
}

void ReadFileConfigs(Section* section, std::vector<TargetFiles>* out) {
  for (Section& entry : section->Maps("file_sd_configs")) {
    TargetFiles files;
    entry.Texts("files", &files.patterns);
    if (files.patterns.empty()) entry.Fail("files", "is missing");
    for (std::string& file : files.patterns) {
      if (!IsTargetFile(file)) {
        entry.Fail("files", "holds \"" + file + "\", which is no path such as targets/*.json");
      }
      file = entry.reading().Resolve(*entry.Any("files"), file);
    }
    entry.Period("refresh_interval", &files.refresh_interval);
    entry.NotZero("refresh_interval", files.refresh_interval);
    entry.Done();
    out->push_back(std::move(files));
  }
}

void RefuseOtherDiscovery(Section* section) {
  section->Refuse({"azure_sd_configs",      "consul_sd_configs",    "digitalocean_sd_configs",
                   "dns_sd_configs",        "docker_sd_configs",    "dockerswarm_sd_configs",
                   "ec2_sd_configs",        "eureka_sd_configs",    "gce_sd_configs",
                   "hetzner_sd_configs",    "http_sd_configs",      "ionos_sd_configs",
                   "kubernetes_sd_configs", "kuma_sd_configs",      "lightsail_sd_configs",
                   "linode_sd_configs",     "marathon_sd_configs",  "nerve_sd_configs",
                   "nomad_sd_configs",      "openstack_sd_configs", "ovhcloud_sd_configs",
                   "puppetdb_sd_configs",   "scaleway_sd_configs",  "serverset_sd_configs",
                   "stackit_sd_configs",    "triton_sd_configs",    "uyuni_sd_configs",
                   "vultr_sd_configs"});
}

void ReadScrapes(Section* top, Config* config) {
  std::set<std::string> jobs;
  ReadJobs(top, config, &jobs);
  const lib::Yaml* list = top->Any("scrape_config_files");
  if (list == nullptr) return;
  config->self_scrape = false;
  std::vector<std::string> patterns;
  top->Texts("scrape_config_files", &patterns);
  for (const std::string& pattern : patterns) ReadJobFiles(top, *list, pattern, config, &jobs);
}

}  // namespace tocsin::config
