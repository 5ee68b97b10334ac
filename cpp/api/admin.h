/// What operators ask: is it up, what is it, what does it count; and "seal everything now".

#pragma once

#include <functional>
#include <string>

#include "cpp/api/metrics_page.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"

namespace tocsin::api {

struct AdminBackend {
  std::string version;
  std::string revision;
  /// OK when everything serves, else a sentence that names what does not yet or no longer.
  std::function<Status()> ready;
  MetricsWriter metrics;
  std::function<Status()> flush;
  bool rule_editor = false;  ///< Clients may change rules: RegisterRuleEditor() was called.
};

/// GET /ready, /metrics, /status/buildinfo, /api/status/buildinfo, /api/v1/status/buildinfo;
/// POST /flush.
void RegisterAdmin(AdminBackend backend, http::Router* router);

}  // namespace tocsin::api
