/// Alertmanager's API v2 over the built-in router, for amtool, for Grafana's Alertmanager data
/// source, and for Prometheus servers that send their alerts here.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cpp/alerting/silences.h"
#include "cpp/alerting/views.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/model/alert.h"

namespace tocsin::api {

/// What the handlers ask, from several threads at once. Nothing but `ready` is called before that
/// is Ok.
struct AlertmanagerBackend {
  std::function<Status()> ready;
  std::function<std::vector<alerting::AlertView>(const alerting::ViewFilter&)> alerts;
  std::function<std::vector<alerting::GroupView>(const alerting::ViewFilter&)> groups;
  std::function<std::vector<std::string>()> receivers;
  std::function<std::string()> config;  ///< As it was written, without secrets.
  /// How long a posted alert holds that does not say it.
  std::function<Nanos()> resolve_timeout;
  std::function<Status(std::span<const Alert>)> receive;
  alerting::Silences* silences = nullptr;  ///< Borrowed.
  const Clock* clock = nullptr;
  std::string version;
  std::string revision;
};

/// /api/v2/status, /receivers, /alerts (GET, POST), /alerts/groups, /silences (GET, POST),
/// /silence/{id} (GET, DELETE), as Alertmanager's openapi.yaml has them. Groups also tell when they
/// are looked at next (`nextFlushAt`), when an unchanged one is told again (`nextRepeatAt`), when
/// its receiver was last told (`lastNotifiedAt`), and why not at the last look (`silentBecause`).
void RegisterAlertmanager(AlertmanagerBackend backend, http::Router* router);

}  // namespace tocsin::api
