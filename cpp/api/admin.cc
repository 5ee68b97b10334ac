#include "cpp/api/admin.h"

#include <memory>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

// The keys are those that Grafana looks for; `goVersion` is there and empty because some clients
// read it unasked. By `features` Grafana would take this for Mimir, whose rules it can change.
std::string BuildInfo(const AdminBackend& backend, bool features) {
  lib::JsonWriter w;
  w.BeginObject().Key("version").String(backend.version);
  w.Key("revision").String(backend.revision);
  w.Key("branch").String("").Key("buildUser").String("").Key("buildDate").String("");
  w.Key("goVersion").String("");
  if (features) w.Key("features").BeginObject().Key("ruler_config_api").String("true").EndObject();
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace

void RegisterAdmin(AdminBackend backend, http::Router* router) {
  const auto shared = std::make_shared<const AdminBackend>(std::move(backend));
  router->Handle("GET", "/ready", [shared](const http::Request&) {
    const Status status = shared->ready();
    return status.ok() ? http::Response::Text(200, "ready\n")
                       : http::Response::Text(503, std::string(status.message()) + "\n");
  });
  router->Reserve("/ready");
  RegisterMetrics(shared->metrics, router);
  for (const char* path : {"/status/buildinfo", "/api/status/buildinfo"}) {
    router->Handle("GET", path, [shared](const http::Request&) {
      return http::Response::Json(200, BuildInfo(*shared, false));
    });
  }
  router->Handle("GET", "/api/v1/status/buildinfo", [shared](const http::Request&) {
    return PrometheusSuccess(BuildInfo(*shared, shared->rule_editor));
  });
  router->Handle("POST", "/flush", [shared](const http::Request&) {
    const Status status = shared->flush();
    return status.ok() ? http::Response{204, {}, ""} : TextError(status);
  });
}

}  // namespace tocsin::api
