/// The metrics half of the API over the engine and the services around it.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cpp/api/notifications.h"
#include "cpp/api/prometheus_status.h"
#include "cpp/api/query_gate.h"
#include "cpp/base/status.h"
#include "cpp/config/config.h"
#include "cpp/engine/engine.h"
#include "cpp/http/router.h"
#include "cpp/scrape/scraper.h"
#include "cpp/telemetry/registry.h"

namespace tocsin::server {

/// What the handlers ask. All of it outlives the router's use.
struct PrometheusParts {
  const config::Config* config = nullptr;
  const std::string* effective_config = nullptr;
  engine::Engine* engine = nullptr;
  uint64_t planned_memory = 0;  ///< As MemoryBudgets has it.
  api::QueryGate* gate = nullptr;
  std::function<const scrape::Scraper*()> scraper;  ///< Null while there is none.
  telemetry::Registry* registry = nullptr;
  api::Notifications* notifications = nullptr;
  std::function<api::PrometheusStatusBackend::Alertmanagers()> alertmanagers;
  std::function<Status()> ready;
  std::function<Status()> reload;
  std::function<api::PrometheusStatusBackend::Reloaded()> last_reload;
};

void RegisterPrometheusApi(const PrometheusParts& parts, http::Router* router);

}  // namespace tocsin::server
