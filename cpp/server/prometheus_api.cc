#include "cpp/server/prometheus_api.h"

#include <algorithm>
#include <csignal>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "cpp/api/federate.h"
#include "cpp/api/openapi.h"
#include "cpp/api/prometheus.h"
#include "cpp/api/prometheus_search.h"
#include "cpp/api/prometheus_series.h"
#include "cpp/api/prometheus_targets.h"
#include "cpp/base/clock.h"
#include "cpp/base/process_limits.h"
#include "cpp/base/version.h"
#include "cpp/config/effective.h"
#include "cpp/telemetry/family_json.h"

namespace tocsin::server {
namespace {

// In the words of Prometheus's flags, as far as there are such settings here.
std::vector<std::pair<std::string, std::string>> Flags(const config::Config& config,
                                                       const engine::Engine& engine) {
  const auto text = [](bool on) { return std::string(on ? "true" : "false"); };
  return {
      {"query.lookback-delta", std::to_string(engine.promql().options().lookback / 1'000) + "s"},
      {"query.max-concurrency", std::to_string(config.storage.max_workers)},
      {"query.max-samples", std::to_string(engine.promql().options().max_samples)},
      {"storage.tsdb.path", config.storage.path},
      {"web.enable-admin-api", text(config.web.enable_admin_api)},
      {"web.enable-lifecycle", text(config.web.enable_lifecycle)},
      {"web.enable-remote-write-receiver", "true"},
      {"web.external-url", config.external_url},
      {"web.listen-address", config.server.http_address},
      {"web.max-notifications-subscribers",
       std::to_string(config.web.max_notifications_subscribers)},
      {"web.search.max-limit", std::to_string(config.web.search_max_limit)},
  };
}

// "example.org:3200" of an external URL; "" without one.
std::string HostOf(const std::string& url) {
  const size_t begin = url.find("://");
  if (begin == std::string::npos) return {};
  return url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
}

void RegisterQueries(const PrometheusParts& parts, http::Router* router) {
  storage::SeriesStore& series = parts.engine->series();
  const promql::EngineOptions& options = parts.engine->promql().options();
  api::RegisterPrometheus({.engine = &parts.engine->promql(),
                           .series = &series,
                           .gate = parts.gate,
                           .clock = &Clock::Real()},
                          router);
  api::RegisterPrometheusSeries({.catalog = &series, .metadata = &series, .parser = options.parser},
                                router);
  const config::Web& web = parts.config->web;
  api::RegisterPrometheusSearch({.catalog = &series,
                                 .metadata = &series,
                                 .clock = &Clock::Real(),
                                 .enabled = web.enable_search_api,
                                 .max_limit = web.search_max_limit},
                                router);
  api::RegisterFederate({.series = &series,
                         .clock = &Clock::Real(),
                         .lookback = options.lookback,
                         .external_labels = parts.config->external_labels},
                        router);
}

}  // namespace

void RegisterPrometheusApi(const PrometheusParts& parts, http::Router* router) {
  RegisterQueries(parts, router);
  const config::Config& config = *parts.config;
  engine::Engine* engine = parts.engine;

  api::PrometheusStatusBackend status;
  status.config = *parts.effective_config;
  status.flags = Flags(config, *engine);
  status.store = &engine->series();
  status.admin_enabled = config.web.enable_admin_api;
  status.lifecycle_enabled = config.web.enable_lifecycle;
  status.search_enabled = config.web.enable_search_api;
  status.started = Clock::Real().Now();
  status.retention = config.series.retention;
  status.max_bytes = config.storage.max_bytes;
  status.processors = FindProcessors();
  status.memory = parts.planned_memory;
  status.clock = &Clock::Real();
  status.last_reload = parts.last_reload;
  status.corruptions = [engine] { return engine->series().Stats().damaged; };
  status.alertmanagers = parts.alertmanagers;
  status.self_metrics = [registry = parts.registry](const auto& wanted) {
    return telemetry::FamiliesAsJson(registry->Collect(), wanted);
  };
  status.ready = parts.ready;
  status.reload = parts.reload;
  status.quit = [] { kill(getpid(), SIGTERM); };
  api::RegisterPrometheusStatus(std::move(status), router);
  api::RegisterNotifications(parts.notifications, router);
  api::RegisterOpenApi(Version(), router);

  api::RegisterTargets(
      {.scraper = parts.scraper,
       .pool_config = [&config](std::string_view pool) -> Result<std::string> {
         const auto found =
             std::ranges::find(config.scrape_configs, pool, &config::Scrape::job_name);
         if (found != config.scrape_configs.end()) return config::EffectiveScrape(*found);
         return NotFoundError("scrape pool \"" + std::string(pool) + "\" not found");
       },
       .external_host = HostOf(config.external_url)},
      router);
}

}  // namespace tocsin::server
