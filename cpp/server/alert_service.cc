#include "cpp/server/alert_service.h"

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/http/client.h"
#include "cpp/rules/engine_query.h"

namespace tocsin::server {
namespace {

// However far away the next thing is, look again so often: the wall clock may be set.
constexpr Nanos kLongestSleep = 30 * kSecond;

Nanos UntilDue(Nanos due) { return std::clamp<Nanos>(due - Clock::Real().Now(), 0, kLongestSleep); }

alerting::Config RouterConfigOf(const config::Config& config) {
  alerting::Config out;
  out.route.receiver = config.route.receiver;
  out.route.group_by = config.route.group_by;
  out.route.group_wait = config.route.group_wait;
  out.route.group_interval = config.route.group_interval;
  out.route.repeat_interval = config.route.repeat_interval;
  for (const config::AlertReceiver& receiver : config.alert_receivers) {
    alerting::Receiver made;
    made.name = receiver.name;
    for (const config::Webhook& webhook : receiver.webhooks) {
      made.webhooks.push_back({webhook.url, webhook.send_resolved});
    }
    out.receivers.push_back(std::move(made));
  }
  return out;
}

}  // namespace

AlertService::AlertService(const config::Config& config, engine::Engine* engine,
                           Telemetry* telemetry)
    : config_(config),
      engine_(engine),
      telemetry_(telemetry),
      rule_state_(engine->state().Section("rules")),
      router_state_(engine->state().Section("alerting")),
      webhooks_(&http::Fetch) {
  for (const config::Alertmanager& configured : config.alertmanagers) {
    for (const std::string& target : configured.targets) {
      deliver::AlertmanagerOptions options;
      options.url = configured.scheme + "://" + target + configured.path_prefix + "/api/v2/alerts";
      options.timeout = configured.timeout;
      alertmanagers_.push_back(
          std::make_unique<deliver::AlertmanagerClient>(options, &http::Fetch, telemetry));
    }
  }
}

AlertService::~AlertService() { Stop(); }

Status AlertService::Start(std::vector<rules::RuleFile> files, const std::string& own_address) {
  const std::string external_url =
      config_.external_url.empty() ? "http://" + own_address : config_.external_url;
  if (!config_.route.receiver.empty()) StartRouter(external_url);
  return StartRules(std::move(files), external_url);
}

void AlertService::StartRouter(const std::string& external_url) {
  alerting::Options options;
  options.external_url = external_url;
  router_ = std::make_unique<alerting::Router>(
      RouterConfigOf(config_), options,
      alerting::Ports{webhooks_, *router_state_, *telemetry_, Clock::Real()});
  if (const Status status = router_->Restore(Clock::Real().Now()); !status.ok()) {
    log::Error("the log of notifications begins anew", {{"error", status.ToString()}});
  }
  router_loop_ = std::make_unique<engine::Periodic>(
      "alert-router", [this] { return UntilDue(router_->RunDue(Clock::Real().Now())); });
  router_loop_->Start(0);
}

Status AlertService::StartRules(std::vector<rules::RuleFile> files,
                                const std::string& external_url) {
  rules::Options options;
  options.default_interval = config_.evaluation_interval;
  options.external_url = external_url;
  options.external_labels = config_.external_labels;
  options.parser = engine_->promql().options().parser;
  manager_ = std::make_unique<rules::Manager>(
      options, rules::Ports{rules::EngineQuery(engine_->promql(), engine_->series()),
                            engine_->series(), *rule_state_, *this, *telemetry_, Clock::Real()});
  TOCSIN_RETURN_IF_ERROR(manager_->Load(std::move(files), Clock::Real().Now()));
  published_ = manager_.get();
  rule_loop_ = std::make_unique<engine::Periodic>(
      "rules", [this] { return UntilDue(manager_->RunDue(Clock::Real().Now())); });
  rule_loop_->Start(0);
  return {};
}

Status AlertService::Reload(std::vector<rules::RuleFile> files) {
  TOCSIN_RETURN_IF_ERROR(manager_->Load(std::move(files), Clock::Real().Now()));
  rule_loop_->Wake();
  return {};
}

void AlertService::Stop() {
  if (rule_loop_ != nullptr) rule_loop_->Stop();
  if (router_loop_ != nullptr) router_loop_->Stop();
  for (const auto& alertmanager : alertmanagers_) alertmanager->Stop();
}

std::vector<std::shared_ptr<const rules::GroupView>> AlertService::Groups() const {
  const rules::Manager* manager = published_;
  if (manager == nullptr) return {};
  return manager->Groups();
}

std::vector<rules::AlertView> AlertService::Alerts() const {
  const rules::Manager* manager = published_;
  if (manager == nullptr) return {};
  return manager->Alerts();
}

void AlertService::Send(std::span<const Alert> alerts) {
  for (const auto& alertmanager : alertmanagers_) alertmanager->Send(alerts);
  if (router_ == nullptr) return;
  if (const Status status = router_->Receive(alerts, Clock::Real().Now()); !status.ok()) {
    log::Warn("alerts not taken by the router", {{"error", status.ToString()}});
  }
  router_loop_->Wake();
}

}  // namespace tocsin::server
