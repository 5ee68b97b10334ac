/// The built-in router at work: its threads, its silences, its webhooks' clients.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "cpp/alerting/router.h"
#include "cpp/alerting/silences.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/deliver/webhook.h"
#include "cpp/engine/periodic.h"
#include "cpp/model/alert.h"
#include "cpp/model/state_store.h"
#include "cpp/routing/config.h"

namespace tocsin::server {

/// With a configuration that names no receiver there is one, "none", and it tells nobody: alerts
/// and silences can be looked at and made all the same. Thread-safe.
class RouterService {
 public:
  struct State {
    std::unique_ptr<StateStore> router;    ///< Section "alerting".
    std::unique_ptr<StateStore> silences;  ///< Section "silences".
  };

  /// Borrows telemetry. Nothing runs yet.
  RouterService(State state, Telemetry* telemetry);
  ~RouterService();
  RouterService(const RouterService&) = delete;
  RouterService& operator=(const RouterService&) = delete;

  /// Restores what the last process left, and begins to tell. Errors as alerting::Router::Make.
  Status Start(routing::Config config, const std::string& external_url);

  /// Another configuration; errors as alerting::Router::Reload, the old one then stays.
  Status Reload(routing::Config config);

  /// Gives deliveries under way a few seconds and ends; what is not delivered then is after the
  /// next start. Idempotent.
  void Stop();

  /// Before Start, after Stop: kUnavailable. Otherwise as alerting::Router::Receive.
  Status Receive(std::span<const Alert> alerts);

  /// Whether Start() was Ok: only then there is a router. For the API; both live as long as the
  /// service.
  bool started() const { return started_; }
  const alerting::Router& router() const { return *router_; }
  alerting::Silences& silences() { return silences_; }

  /// When groups were last looked after; at most half a minute ago, if all is well. 0: never.
  Nanos last_look() const { return last_look_; }

 private:
  Nanos LookAround();
  Nanos Deliver();

  State state_;
  Telemetry* const telemetry_;
  std::stop_source stop_;
  alerting::Silences silences_;
  deliver::WebhookNotifier webhooks_;
  std::unique_ptr<alerting::Router> router_;
  std::atomic<bool> started_ = false;
  std::atomic<Nanos> last_look_ = 0;
  std::mutex mutex_;  ///< Of Reload and Stop.
  std::vector<std::unique_ptr<engine::Periodic>> deliverers_;
  std::unique_ptr<engine::Periodic> looker_;
};

}  // namespace tocsin::server
