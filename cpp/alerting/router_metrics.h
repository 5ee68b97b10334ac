/// What the router counts, under Alertmanager's names. Private to this folder.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/routing/config.h"

namespace tocsin::alerting {

class RouterMetrics {
 public:
  /// Borrows telemetry.
  explicit RouterMetrics(Telemetry* telemetry);

  /// Makes the counters of these receivers exist, as zeros.
  void Announce(const routing::Config& config);

  void Decided(const std::string& receiver);  ///< A message that is now to be delivered.
  void Failed(const std::string& receiver,
              FailureReason reason);  ///< Given up until the next look.
  void Attempted(const std::string& receiver, const NotifyOutcome& outcome, Nanos took);
  /// Alerts left out of a message: "silence", "inhibition", "mute_time_interval",
  /// "active_time_interval".
  void Suppressed(std::string_view reason, size_t alerts);
  void Refused(size_t alerts) { refused_.Add(static_cast<double>(alerts)); }

  void SetAlerts(size_t active, size_t suppressed, size_t unprocessed);
  void SetGroups(size_t groups) { groups_.Set(static_cast<double>(groups)); }
  void SetOutbox(size_t deliveries) { outbox_.Set(static_cast<double>(deliveries)); }

 private:
  Counter& ForReceiver(std::string_view name, std::string_view help, const std::string& receiver);

  Telemetry& telemetry_;
  Counter& refused_;
  Gauge& groups_;
  Gauge& outbox_;
};

}  // namespace tocsin::alerting
