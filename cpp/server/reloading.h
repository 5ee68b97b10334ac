/// Reading the configuration again, and what is known about the last time.

#pragma once

#include <functional>
#include <mutex>

#include "cpp/api/notifications.h"
#include "cpp/api/prometheus_status.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/config/load.h"

namespace tocsin::server {

/// Thread-safe: one at a time.
class Reloading {
 public:
  /// Takes over a configuration, or refuses it and changes nothing.
  using Apply = std::function<Status(const config::Config&)>;

  /// The first loading was at `loaded`. Borrows telemetry and notifications.
  Reloading(std::function<Result<config::Loaded>()> read_again, Nanos loaded, Apply apply,
            api::Notifications* notifications, Telemetry* telemetry);

  /// Reads and applies. Says in the log, the metrics and the notifications how it went.
  Status Run();

  api::PrometheusStatusBackend::Reloaded last() const;

 private:
  const std::function<Result<config::Loaded>()> read_again_;
  const Apply apply_;
  api::Notifications& notifications_;
  Gauge& successful_;
  Gauge& success_time_;
  std::mutex run_mutex_;  ///< Held while one runs.
  mutable std::mutex mutex_;
  api::PrometheusStatusBackend::Reloaded last_;
};

}  // namespace tocsin::server
