/// What the server tells of itself to people: versions, parts, endpoints, configuration.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cpp/http/router.h"

namespace tocsin::api {

struct StatusBackend {
  std::string version;
  std::string revision;
  /// The effective configuration as YAML, each line with its origin as a comment ("# default" for
  /// what nobody has set) and without secrets; and the same of an empty configuration.
  std::string config;
  std::string default_config;
  struct Part {
    std::string name;
    std::string state;  ///< "Running", ...
  };
  std::function<std::vector<Part>()> parts;
  std::string tenant;
  /// What tenants have of their own, as JSON: by the file of tenants and by their own changes.
  struct Overrides {
    std::string tenant;
    std::string runtime = "{}";
    std::string user = "{}";
  };
  std::function<std::vector<Overrides>()> overrides;
  std::function<std::string()> metrics;  ///< Prometheus text format; of it the bytes received.
};

/// GET /status and its parts (/status/version, services, endpoints, config?mode=defaults|diff,
/// runtime_config, overrides, overrides/{tenant}, usage-stats), GET /usage_metrics; and 404 with an
/// explanation for the pages of a cluster. `router` is listed by /status/endpoints and outlives its
/// own use.
void RegisterStatusPages(StatusBackend backend, http::Router* router);

}  // namespace tocsin::api
