#include "cpp/server/overrides_service.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/receive/receive.h"

namespace tocsin::server {
namespace {

Result<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file) return UnavailableError("cannot read " + path);
  return text;
}

std::vector<engine::SelectorRule> SelectorRulesOf(const config::TenantOverrides& overrides) {
  std::vector<engine::SelectorRule> rules;
  if (!overrides.selector_retention) return rules;
  for (const config::SelectorRetention& rule : *overrides.selector_retention) {
    rules.push_back({rule.selector, rule.keep});
  }
  return rules;
}

}  // namespace

OverridesService::OverridesService(const config::Config& config, engine::Engine* engine,
                                   Telemetry* telemetry)
    : config_(config),
      engine_(*engine),
      last_reload_(telemetry->GetGauge(
          "tempo_runtime_config_last_reload_successful",
          "Whether the file of tenants could be read at the last attempt; 1 without a file.")),
      store_(engine->state().Section("overrides")),
      tenants_(std::make_unique<api::TenantOverrides>(store_.get(), Clock::Real(),
                                                      [this] { Apply(); })) {
  last_reload_.Set(1);
}

OverridesService::~OverridesService() {
  if (reloader_ != nullptr) reloader_->Stop();
}

Status OverridesService::Check(const config::TenantOverrides& overrides) {
  for (const engine::SelectorRule& rule : SelectorRulesOf(overrides)) {
    TOCSIN_RETURN_IF_ERROR(engine::CheckSelectorRule(rule));
  }
  return {};
}

Status OverridesService::Start() {
  TOCSIN_RETURN_IF_ERROR(Check(config_.overrides.defaults));
  TOCSIN_RETURN_IF_ERROR(tenants_->Load());
  if (config_.overrides.tenants_file.empty()) {
    Apply();
    return {};
  }
  TOCSIN_RETURN_IF_ERROR(ReadFile());
  const Nanos period = config_.overrides.tenants_period;
  reloader_ = std::make_unique<engine::Periodic>("overrides", [this, period] {
    const Status read = ReadFile();
    last_reload_.Set(read.ok() ? 1 : 0);
    if (!read.ok()) log::Error("overrides not changed", {{"error", read.message()}});
    return period;
  });
  reloader_->Start(period);
  return {};
}

Status OverridesService::ReadFile() {
  const std::string& path = config_.overrides.tenants_file;
  TOCSIN_ASSIGN_OR_RETURN(std::string text, ReadWhole(path));
  if (text == file_text_) return {};
  std::vector<std::string> warnings;
  TOCSIN_ASSIGN_OR_RETURN(config::OverridesByTenant runtime,
                          config::ParseOverridesFile(path, text, &warnings));
  for (const auto& [tenant, overrides] : runtime) {
    if (const Status good = Check(overrides); !good.ok()) {
      return good.WithContext(std::string(path).append(": overrides.").append(tenant));
    }
  }
  for (const std::string& warning : warnings) log::Warn(warning);
  log::Info("overrides read", {{"file", path}, {"tenants", runtime.size()}});
  tenants_->SetRuntime(std::move(runtime));
  file_text_ = std::move(text);
  return {};
}

void OverridesService::Apply() {
  storage::SpanLimits limits;
  limits.max_bytes_per_trace = config_.overrides.defaults.max_bytes_per_trace.value_or(0);
  engine::SelectorRules selectors;
  std::vector<std::string> tenants = tenants_->Tenants();
  tenants.emplace_back(receive::kSingleTenant);
  for (const std::string& tenant : tenants) {
    const config::TenantOverrides overrides = tenants_->Of(tenant);
    selectors[tenant] = SelectorRulesOf(config::Merged(config_.overrides.defaults, overrides));
    limits.tenants[tenant] = {.block_retention = overrides.block_retention,
                              .max_bytes_per_trace = overrides.max_bytes_per_trace};
  }
  const config::TenantOverrides own =
      config::Merged(config_.overrides.defaults, tenants_->Of(receive::kSingleTenant));
  engine_.SetCollection(
      own.collection_interval.value_or(config_.metrics_generator.collection_interval),
      !own.disable_collection.value_or(false));
  engine_.spans().SetLimits(std::move(limits));
  if (const Status set = engine_.SetSelectorRetention(selectors); !set.ok()) {
    log::Error("retention by selector not changed", {{"error", set.message()}});
  }
}

api::TempoLimits OverridesService::LimitsOf(const std::string& tenant) const {
  const config::TenantOverrides own = tenants_->Of(tenant);
  const config::Queries& all = config_.queries;
  return {.max_search_range = own.max_search_duration.value_or(all.max_search_duration),
          .max_trace_bytes = own.max_bytes_per_trace.value_or(all.max_bytes_per_trace),
          .max_tag_bytes = own.max_bytes_per_tag_values.value_or(all.max_bytes_per_tag_values)};
}

Nanos OverridesService::MetricsRangeOf(const std::string& tenant) const {
  return tenants_->Of(tenant).max_metrics_duration.value_or(config_.queries.max_metrics_duration);
}

std::vector<api::StatusBackend::Overrides> OverridesService::Pages(
    const std::string& tenant) const {
  std::vector<std::string> names = tenants_->Tenants();
  if (std::ranges::find(names, tenant) == names.end()) names.push_back(tenant);
  std::vector<api::StatusBackend::Overrides> pages;
  pages.reserve(names.size());
  for (const std::string& name : names) {
    pages.push_back({.tenant = name,
                     .runtime = config::OverridesJson(tenants_->RuntimeOf(name)),
                     .user = config::OverridesJson(tenants_->UserOf(name).overrides)});
  }
  return pages;
}

}  // namespace tocsin::server
