#include "cpp/server/router_service.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/http/secret.h"

namespace tocsin::server {
namespace {

// However far away the next thing is, look again so often: the wall clock may be set.
constexpr Nanos kLongestSleep = 30 * kSecond;
// Deliveries that hang: each integration may have a few of them, and others must get through.
constexpr size_t kDeliverers = 32;
// What deliveries under way are given when the process ends.
constexpr Nanos kGrace = 3 * kSecond;

routing::Config WithReceiver(routing::Config config) {
  if (!config.route.receiver.empty()) return config;
  config.route.receiver = "none";
  config.receivers = {{"none", {}}};
  return config;
}

Nanos UntilDue(Nanos due) { return std::clamp<Nanos>(due - Clock::Real().Now(), 0, kLongestSleep); }

}  // namespace

RouterService::RouterService(State state, Telemetry* telemetry)
    : state_(std::move(state)),
      telemetry_(telemetry),
      silences_({}, state_.silences.get(), telemetry),
      webhooks_(stop_.get_token()) {}

RouterService::~RouterService() { Stop(); }

Nanos RouterService::LookAround() {
  const Nanos now = Clock::Real().Now();
  const Nanos next = router_->Look(now);
  silences_.Collect(now);
  last_look_ = now;
  // Also who sleeps longer than that must know of it.
  if (router_->NextDelivery() < now + kLongestSleep) {
    for (const auto& deliverer : deliverers_) deliverer->Wake();
  }
  return UntilDue(next);
}

Nanos RouterService::Deliver() {
  const Nanos next = router_->Deliver(Clock::Real().Now());
  // A delivery that has ended may let its group be looked at.
  if (router_->NextDue() <= Clock::Real().Now()) looker_->Wake();
  return UntilDue(next);
}

Status RouterService::Start(routing::Config config, const std::string& external_url) {
  const std::lock_guard lock(mutex_);
  const Nanos now = Clock::Real().Now();
  config = WithReceiver(std::move(config));
  if (const Status restored = silences_.Restore(now); !restored.ok()) {
    log::Error("there are no silences any more", {{"error", restored.ToString()}});
  }
  alerting::Options options;
  options.external_url = external_url;
  options.read_secret = &http::ReadSecret;
  options.look_is_due = [this] { looker_->Wake(); };
  webhooks_.Configure(config.receivers);
  TOCSIN_ASSIGN_OR_RETURN(
      router_, alerting::Router::Make(std::move(config), options,
                                      alerting::Ports{webhooks_, *state_.router, silences_,
                                                      *telemetry_, Clock::Real()}));
  if (const Status restored = router_->Restore(now); !restored.ok()) {
    log::Error("the log of notifications begins anew", {{"error", restored.ToString()}});
  }
  looker_ = std::make_unique<engine::Periodic>("alert-router", [this] { return LookAround(); });
  for (size_t i = 0; i < kDeliverers; ++i) {
    deliverers_.push_back(std::make_unique<engine::Periodic>("alert-sender-" + std::to_string(i),
                                                             [this] { return Deliver(); }));
  }
  for (const auto& deliverer : deliverers_) deliverer->Start(0);
  looker_->Start(0);
  started_ = true;
  return {};
}

Status RouterService::Reload(routing::Config config) {
  const std::lock_guard lock(mutex_);
  if (!started_) return UnavailableError("the alert router does not run");
  config = WithReceiver(std::move(config));
  std::vector<routing::Receiver> receivers = config.receivers;
  TOCSIN_RETURN_IF_ERROR(router_->Reload(std::move(config), Clock::Real().Now()));
  webhooks_.Configure(receivers);
  looker_->Wake();
  return {};
}

void RouterService::Stop() {
  const std::lock_guard lock(mutex_);
  if (!started_.exchange(false)) return;
  looker_->Stop();
  // Who waits for an answer is given a while for it; a message that was read and not acknowledged
  // would be sent twice.
  std::jthread grace([this](const std::stop_token& done) {
    const Nanos end = Clock::Real().Now() + kGrace;
    while (!done.stop_requested() && Clock::Real().Now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    stop_.request_stop();
  });
  for (const auto& deliverer : deliverers_) deliverer->Stop();
}

Status RouterService::Receive(std::span<const Alert> alerts) {
  if (!started_) return UnavailableError("the alert router does not run");
  const Status status = router_->Receive(alerts, Clock::Real().Now());
  looker_->Wake();
  return status;
}

}  // namespace tocsin::server
