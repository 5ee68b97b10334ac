/// Rules and the delivery of their alerts, with their threads: the manager evaluates, the built-in
/// router tells webhooks, and every configured Alertmanager gets every alert.

#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpp/alerting/router.h"
#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/deliver/alertmanager.h"
#include "cpp/deliver/webhook.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/periodic.h"
#include "cpp/rules/manager.h"

namespace tocsin::server {

class AlertService final : public rules::AlertSink {
 public:
  /// Borrows everything. Nothing runs yet.
  AlertService(const config::Config& config, engine::Engine* engine, Telemetry* telemetry);
  ~AlertService() override;

  /// Restores the states, loads the rules and starts to evaluate and deliver. `own_address` stands
  /// in links where the configuration has no external URL.
  Status Start(std::vector<rules::RuleFile> files, const std::string& own_address);

  /// Makes these files the rules. Rules that stay keep their state. As rules::Manager::Load.
  Status Reload(std::vector<rules::RuleFile> files);

  /// Ends the evaluations, then the deliveries. Idempotent.
  void Stop();

  /// Empty before Start().
  std::vector<std::shared_ptr<const rules::GroupView>> Groups() const;
  std::vector<rules::AlertView> Alerts() const;

  /// rules::AlertSink.
  void Send(std::span<const Alert> alerts) override;

 private:
  void StartRouter(const std::string& external_url);
  Status StartRules(std::vector<rules::RuleFile> files, const std::string& external_url);

  const config::Config& config_;
  engine::Engine* const engine_;
  Telemetry* const telemetry_;
  const std::unique_ptr<StateStore> rule_state_;
  const std::unique_ptr<StateStore> router_state_;
  deliver::WebhookNotifier webhooks_;
  std::unique_ptr<alerting::Router> router_;  // Null without a receiver.
  std::vector<std::unique_ptr<deliver::AlertmanagerClient>> alertmanagers_;
  std::unique_ptr<rules::Manager> manager_;
  std::atomic<const rules::Manager*> published_ = nullptr;
  std::unique_ptr<engine::Periodic> router_loop_;
  std::unique_ptr<engine::Periodic> rule_loop_;
};

}  // namespace tocsin::server
