#include "cpp/server/alert_service.h"

#include <string_view>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/server/outside.h"

namespace tocsin::server {
namespace {

// The router looks around at least every half minute.
constexpr Nanos kRouterPatience = 2 * kMinute;

constexpr std::string_view kNobodyIsTold = "route:\n  receiver: none\nreceivers:\n- name: none\n";

std::vector<deliver::AlertmanagerSet> SetsOf(const config::Alerting& alerting) {
  std::vector<deliver::AlertmanagerSet> sets;
  for (const config::Alertmanager& configured : alerting.alertmanagers) {
    deliver::AlertmanagerSet set;
    set.scheme = configured.scheme;
    set.path_prefix = configured.path_prefix;
    set.timeout = configured.timeout;
    set.groups = configured.static_configs;
    set.files = configured.file_sd_configs;
    set.relabelling = configured.relabel_configs;
    set.alert_relabelling = configured.alert_relabel_configs;
    set.client = configured.client;
    sets.push_back(std::move(set));
  }
  return sets;
}

deliver::AlertQueueOptions QueueOf(const config::Alerting& alerting) {
  return {.capacity = alerting.notification_queue_capacity,
          .batch_size = alerting.notification_batch_size,
          .drain = alerting.drain_notification_queue_on_shutdown};
}

}  // namespace

AlertService::AlertService(const config::Config& config, engine::Engine* engine,
                           Telemetry* telemetry)
    : config_(config),
      alert_relabelling_(config.alerting.alert_relabel_configs),
      resolve_timeout_(config.routing.resolve_timeout),
      router_({engine->state().Section("alerting"), engine->state().Section("silences")},
              telemetry),
      alertmanagers_({.client = &ClientOf, .telemetry = telemetry}),
      rules_(config, {.engine = engine,
                      .telemetry = telemetry,
                      .alerts = this,
                      .evidence = &engine->evidence()}),
      watch_(
          engine->state().Section("peers"), [this](Nanos now) { return ProgressAt(now); }, this,
          telemetry) {}

AlertService::~AlertService() { Stop(); }

Status AlertService::Start(RuleFiles files, const std::string& own_address) {
  const std::scoped_lock lock(reload_mutex_);
  external_url_ = config_.external_url.empty() ? "http://" + own_address : config_.external_url;
  TOCSIN_RETURN_IF_ERROR(router_.Start(config_.routing, external_url_));
  TakeOver(config_);
  discovery_loop_ = std::make_unique<engine::Periodic>(
      "alertmanagers", [this] { return UntilDue(alertmanagers_.RunDue(Clock::Real().Now())); });
  discovery_loop_->Start(0);
  TOCSIN_RETURN_IF_ERROR(rules_.Start(std::move(files), external_url_));
  watch_.Run(config_, external_url_);
  return {};
}

Status AlertService::Reload(const config::Config& config) {
  const std::scoped_lock lock(reload_mutex_);
  TOCSIN_RETURN_IF_ERROR(router_.Reload(config.routing));
  if (Status rules = rules_.Reload(config); !rules.ok()) {
    if (const Status back = router_.Reload(config_.routing); !back.ok()) {
      log::Error("the router keeps a configuration that is otherwise refused",
                 {{"error", back.ToString()}});
    }
    return rules;
  }
  config_ = config;
  TakeOver(config_);
  discovery_loop_->Wake();
  watch_.Run(config_, external_url_);
  return {};
}

void AlertService::TakeOver(const config::Config& config) {
  {
    const std::scoped_lock lock(mutex_);
    alert_relabelling_ = config.alerting.alert_relabel_configs;
    resolve_timeout_ = config.routing.resolve_timeout;
  }
  alertmanagers_.SetAll(SetsOf(config.alerting), QueueOf(config.alerting), Clock::Real().Now());
}

void AlertService::Stop() {
  watch_.Stop();
  rules_.Stop();
  if (discovery_loop_ != nullptr) discovery_loop_->Stop();
  router_.Stop();
  alertmanagers_.Stop();
}

api::RulesBackend AlertService::Rules() {
  api::RulesBackend backend;
  backend.groups = [this] { return rules_.Groups(); };
  backend.alerts = [this] { return rules_.Alerts(); };
  return backend;
}

api::AlertmanagerBackend AlertService::Alertmanager(std::string version, std::string revision) {
  api::AlertmanagerBackend backend;
  backend.ready = [this]() -> Status {
    if (router_.started()) return {};
    return UnavailableError("the router of alerts does not run yet");
  };
  backend.alerts = [this](const alerting::ViewFilter& filter) {
    return router_.router().Alerts(filter, Clock::Real().Now());
  };
  backend.groups = [this](const alerting::ViewFilter& filter) {
    return router_.router().Groups(filter, Clock::Real().Now());
  };
  backend.receivers = [this] { return router_.router().Receivers(); };
  backend.config = [this] {
    std::string original = router_.router().OriginalConfig();
    // Clients read it: without a configuration, the one that says as much.
    return original.empty() ? std::string(kNobodyIsTold) : original;
  };
  backend.resolve_timeout = [this] {
    const std::scoped_lock lock(mutex_);
    return resolve_timeout_;
  };
  backend.receive = [this](std::span<const Alert> alerts) { return router_.Receive(alerts); };
  backend.silences = &router_.silences();
  backend.clock = &Clock::Real();
  backend.version = std::move(version);
  backend.revision = std::move(revision);
  return backend;
}

api::PrometheusStatusBackend::Alertmanagers AlertService::Alertmanagers() const {
  return {alertmanagers_.Active(), alertmanagers_.Dropped()};
}

void AlertService::Send(std::span<const Alert> alerts) {
  relabel::Rules relabelling;
  {
    const std::scoped_lock lock(mutex_);
    relabelling = alert_relabelling_;
  }
  std::vector<Alert> relabelled;
  if (!relabelling.empty()) {
    for (const Alert& alert : alerts) {
      Alert changed = alert;
      if (relabelling.Apply(&changed.labels)) relabelled.push_back(std::move(changed));
    }
    alerts = relabelled;
  }
  if (alerts.empty()) return;
  alertmanagers_.Send(alerts);
  if (const Status taken = router_.Receive(alerts); !taken.ok()) {
    log::Warn("alerts not taken by the router", {{"error", taken.ToString()}});
  }
}

std::vector<deliver::Progress> AlertService::ProgressAt(Nanos now) {
  std::vector<deliver::Progress> progress = rule_progress_.Of(rules_.Groups(), now);
  progress.push_back({"the router of alerts", router_.last_look(), kRouterPatience});
  return progress;
}

}  // namespace tocsin::server
