#include <algorithm>
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
  ReadRules(top, &config->rules);
  ReadScrapes(top, config);
  ReadAlerting(top, &config->alerting);
  ReadHeartbeat(top, config);
  ReadRemoteWrites(top, config);
  top->Refuse({"remote_read"});
  top->Ignore({"runtime", "tracing", "otlp"}, "it has no counterpart here");
}

}  // namespace tocsin::config
