#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

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
  global.Period("rule_query_offset", &config->rule_query_offset);
  ReadScrapeCommon(&global, &config->scrape_common);
  global.Ignore({"query_log_file"}, "there is one log, on stderr");
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

std::vector<ScrapeTargets> ReadStaticConfigs(Section* section) {
  std::vector<ScrapeTargets> all;
  ReadRules(top, &config->rules);
  for (Section& entry : section->Maps("static_configs")) {
    ScrapeTargets out;
    ReadTargets(&entry, &out.targets);
    entry.Ignore({"labels"}, "an Alertmanager is not labelled");
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
  section->Refuse({"file_sd_configs"});
  RefuseOtherDiscovery(section);
  section->Ignore({"follow_redirects", "enable_http2"}, "requests are plain HTTP/1.1");
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
    for (ScrapeTargets& group : ReadStaticConfigs(&section)) {
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
