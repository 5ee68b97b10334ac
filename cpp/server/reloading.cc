#include "cpp/server/reloading.h"

#include <string_view>
#include <utility>

#include "cpp/base/log.h"

namespace tocsin::server {
namespace {

// In the words of Prometheus, which its users may have filtered for.
constexpr std::string_view kReloadFailed = "Configuration reload has failed.";

}  // namespace

Reloading::Reloading(std::function<Result<config::Loaded>()> read_again, Nanos loaded, Apply apply,
                     api::Notifications* notifications, Telemetry* telemetry)
    : read_again_(std::move(read_again)),
      apply_(std::move(apply)),
      notifications_(*notifications),
      successful_(telemetry->GetGauge("prometheus_config_last_reload_successful",
                                      "Whether the last configuration reload was successful.", {})),
      success_time_(telemetry->GetGauge("prometheus_config_last_reload_success_timestamp_seconds",
                                        "When the configuration was last loaded successfully.",
                                        {})),
      last_{true, loaded} {
  successful_.Set(1);
  success_time_.Set(static_cast<double>(loaded) / kSecond);
}

Status Reloading::Run() {
  const std::lock_guard running(run_mutex_);
  const Result<config::Loaded> next = read_again_();
  Status status = next.has_value() ? apply_(next->config) : next.error();
  const Nanos now = Clock::Real().Now();
  {
    const std::lock_guard lock(mutex_);
    last_.ok = status.ok();
    if (status.ok()) last_.at = now;
  }
  successful_.Set(status.ok() ? 1 : 0);
  if (!status.ok()) {
    notifications_.Raise(kReloadFailed);
    log::Error("the configuration stays as it was", {{"error", status.message()}});
    return status;
  }
  notifications_.Settle(kReloadFailed);
  success_time_.Set(static_cast<double>(now) / kSecond);
  for (const std::string& warning : next->warnings) {
    log::Warn("configuration", {{"warning", warning}});
  }
  log::Info("configuration reloaded", {});
  return {};
}

api::PrometheusStatusBackend::Reloaded Reloading::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace tocsin::server
