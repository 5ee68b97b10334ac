/// What is scraped, as Prometheus's API tells it.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/scrape/scraper.h"

namespace tocsin::api {

struct TargetsBackend {
  /// Null while nothing is scraped: at the start and at the end of the process.
  std::function<const scrape::Scraper*()> scraper;
  /// The effective configuration of a scrape pool as YAML; kNotFound: there is none of that name.
  std::function<Result<std::string>(std::string_view pool)> pool_config;
  /// Replaces localhost in `globalUrl`; "" leaves it.
  std::string external_host;
};

/// GET /api/v1/targets, /targets/metadata, /targets/relabel_steps, /scrape_pools,
/// /scrape_pools/config.
void RegisterTargets(TargetsBackend backend, http::Router* router);

}  // namespace tocsin::api
