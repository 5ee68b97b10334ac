#include "cpp/alerting/router_metrics.h"

namespace tocsin::alerting {
namespace {

struct Name {
  std::string_view name;
  std::string_view help;
};

constexpr Name kNotifications{"alertmanager_notifications_total",
                              "The total number of attempted notifications."};
constexpr Name kRequests{"alertmanager_notification_requests_total",
                         "The total number of attempted notification requests."};
constexpr Name kRequestsFailed{"alertmanager_notification_requests_failed_total",
                               "The total number of failed notification requests."};
constexpr Name kFailed{"alertmanager_notifications_failed_total",
                       "The total number of failed notifications."};
constexpr Name kSuppressed{"alertmanager_notifications_suppressed_total",
                           "Alerts that were left out of notifications, by reason."};
constexpr Name kLatency{"alertmanager_notification_latency_seconds",
                        "The latency of notifications in seconds."};
constexpr Name kAlerts{"alertmanager_alerts", "How many alerts by state."};

constexpr FailureReason kReasons[] = {
    FailureReason::kOther,      FailureReason::kClientError,      FailureReason::kServerError,
    FailureReason::kCancelled,  FailureReason::kDeadlineExceeded, FailureReason::kAuthError,
    FailureReason::kRateLimited};
constexpr std::string_view kSuppressedBy[] = {"silence", "inhibition", "mute_time_interval",
                                              "active_time_interval"};

Telemetry::MetricLabels LabelsOf(const std::string& receiver) {
  return {{"integration", "webhook"}, {"receiver_name", receiver}};
}

Telemetry::MetricLabels LabelsOf(const std::string& receiver, FailureReason reason) {
  Telemetry::MetricLabels labels = LabelsOf(receiver);
  labels.emplace_back("reason", FailureReasonName(reason));
  return labels;
}

}  // namespace

RouterMetrics::RouterMetrics(Telemetry* telemetry)
    : telemetry_(*telemetry),
      refused_(telemetry->GetCounter("tocsin_alerting_refused_alerts_total",
                                     "Alerts that were not taken, for there are too many.")),
      groups_(telemetry->GetGauge("alertmanager_dispatcher_aggregation_groups",
                                  "Number of active aggregation groups.")),
      outbox_(telemetry->GetGauge("tocsin_alerting_outbox_notifications",
                                  "Notifications that are decided and not delivered yet.")) {
  for (const std::string_view reason : kSuppressedBy) Suppressed(reason, 0);
  SetAlerts(0, 0, 0);
}

void RouterMetrics::Announce(const routing::Config& config) {
  for (const routing::Receiver& receiver : config.receivers) {
    if (receiver.webhooks.empty()) continue;
    for (const Name& name : {kNotifications, kRequests, kRequestsFailed}) {
      telemetry_.GetCounter(name.name, name.help, LabelsOf(receiver.name));
    }
    for (const FailureReason reason : kReasons) {
      telemetry_.GetCounter(kFailed.name, kFailed.help, LabelsOf(receiver.name, reason));
    }
  }
}

Counter& RouterMetrics::ForReceiver(std::string_view name, std::string_view help,
                                    const std::string& receiver) {
  return telemetry_.GetCounter(name, help, LabelsOf(receiver));
}

void RouterMetrics::Decided(const std::string& receiver) {
  ForReceiver(kNotifications.name, kNotifications.help, receiver).Add(1);
}

void RouterMetrics::Failed(const std::string& receiver, FailureReason reason) {
  telemetry_.GetCounter(kFailed.name, kFailed.help, LabelsOf(receiver, reason)).Add(1);
}

void RouterMetrics::Attempted(const std::string& receiver, const NotifyOutcome& outcome,
                              Nanos took) {
  ForReceiver(kRequests.name, kRequests.help, receiver).Add(1);
  if (!outcome.status.ok()) {
    ForReceiver(kRequestsFailed.name, kRequestsFailed.help, receiver).Add(1);
  }
  telemetry_.GetHistogram(kLatency.name, kLatency.help, {1, 5, 10, 15, 20}, LabelsOf(receiver))
      .Observe(static_cast<double>(took) / static_cast<double>(kSecond));
}

void RouterMetrics::Suppressed(std::string_view reason, size_t alerts) {
  telemetry_.GetCounter(kSuppressed.name, kSuppressed.help, {{"reason", std::string(reason)}})
      .Add(static_cast<double>(alerts));
}

void RouterMetrics::SetAlerts(size_t active, size_t suppressed, size_t unprocessed) {
  const std::pair<std::string_view, size_t> states[] = {
      {"active", active}, {"suppressed", suppressed}, {"unprocessed", unprocessed}};
  for (const auto& [state, count] : states) {
    telemetry_.GetGauge(kAlerts.name, kAlerts.help, {{"state", std::string(state)}})
        .Set(static_cast<double>(count));
  }
}

}  // namespace tocsin::alerting
