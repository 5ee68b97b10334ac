/// Everything about alerts put together: the rules raise them, watched peers do; the built-in
/// router takes them and tells webhooks, and every external Alertmanager is sent them.

#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "cpp/api/alertmanager.h"
#include "cpp/api/prometheus_status.h"
#include "cpp/api/rules.h"
#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/deliver/alertmanagers.h"
#include "cpp/deliver/heartbeat.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/periodic.h"
#include "cpp/relabel/relabel.h"
#include "cpp/rules/ports.h"
#include "cpp/server/router_service.h"
#include "cpp/server/rule_service.h"
#include "cpp/server/watch_service.h"

namespace tocsin::server {

/// Thread-safe.
class AlertService final : public rules::AlertSink {
 public:
  /// Borrows engine and telemetry. Nothing runs yet.
  AlertService(const config::Config& config, engine::Engine* engine, Telemetry* telemetry);
  ~AlertService() override;

  /// Restores what the last process left, takes over the rules, and begins to evaluate and to
  /// deliver. `own_address` stands in links where the configuration has no external URL. Errors:
  /// those of RouterService::Start and RuleService::Start.
  Status Start(RuleFiles files, const std::string& own_address);

  /// Takes over what this configuration says of rules, router, Alertmanagers, heartbeat and peers,
  /// or on an error nothing of it.
  Status Reload(const config::Config& config);

  /// Ends the evaluations, then the deliveries. Idempotent.
  void Stop();

  /// For the APIs. They answer before Start() too: with nothing, or that it is not ready.
  api::RulesBackend Rules();
  api::AlertmanagerBackend Alertmanager(std::string version, std::string revision);
  api::PrometheusStatusBackend::Alertmanagers Alertmanagers() const;
  /// The rules that clients change; null unless the configuration wants it.
  rules::RuleLibrary* rule_library() { return rules_.library(); }

  /// rules::AlertSink: relabels, and hands on.
  void Send(std::span<const Alert> alerts) override;

 private:
  void TakeOver(const config::Config& config);
  std::vector<deliver::Progress> ProgressAt(Nanos now);

  std::mutex reload_mutex_;  ///< Held while the configuration is changed.
  config::Config config_;    ///< That counts.
  std::string external_url_;
  mutable std::mutex mutex_;          ///< Guards the two below.
  relabel::Rules alert_relabelling_;  ///< Of all alerts.
  Nanos resolve_timeout_;
  RouterService router_;
  deliver::Alertmanagers alertmanagers_;
  std::unique_ptr<engine::Periodic> discovery_loop_;
  RuleService rules_;
  deliver::RuleProgress rule_progress_;  ///< Of the heartbeat's thread.
  WatchService watch_;
};

}  // namespace tocsin::server
