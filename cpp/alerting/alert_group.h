/// Alerts that are told of together, what is under way about them, and the bytes in which both
/// outlive the process. Private to this folder.

#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/alerting/config.h"
#include "cpp/alerting/notification_log.h"
#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"

namespace tocsin::alerting {

/// One notification on its way to one receiver's webhook.
struct Delivery {
  std::string group_key;
  std::string log_key;  ///< Where success is written down,
  LogEntry entry;       ///< and what.
  Notification notification;
  int attempts = 0;
  Nanos next_attempt = 0;
  bool in_flight = false;  ///< A thread is at it, without the lock.
};

struct AlertGroup {
  Labels labels;
  std::map<Labels, Alert> alerts;
  Nanos next_look = 0;
  bool looked_at = false;  ///< It is not new any more.

  /// Of the last look: what is not delivered yet, whether something failed for good, and which
  /// resolved alerts, as of which message about them, may be forgotten when all is delivered.
  std::vector<std::shared_ptr<Delivery>> deliveries;
  bool failed = false;
  std::vector<std::pair<Labels, Nanos>> told_resolved;

  bool InFlight() const;
};

/// The labels by which a route groups an alert.
Labels GroupLabels(const Route& route, const Labels& labels);

/// `{}:{alertname="X"}`, as Alertmanager names a group of the root route.
std::string GroupKey(const Labels& group_labels);

/// The pause before the next try after that many failed ones: half a second, doubling up to a
/// minute.
Nanos Backoff(int attempts);

/// What is kept of a group besides its alerts.
struct SavedGroup {
  Nanos next_look = 0;
  bool looked_at = false;
  bool unfinished = false;  ///< Deliveries were under way.
};

std::string EncodeGroup(const SavedGroup& group);
Result<SavedGroup> DecodeGroup(std::string_view bytes);
std::string EncodeAlert(const Alert& alert);
Result<Alert> DecodeAlert(std::string_view bytes);

}  // namespace tocsin::alerting
