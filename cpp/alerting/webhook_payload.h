/// What a webhook is sent: version 4 of Alertmanager's payload, byte for byte as Alertmanager 0.25
/// writes it. Private to this folder.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"

namespace tocsin::alerting {

struct GroupMessage {
  std::string receiver;
  std::string group_key;
  Labels group_labels;
  std::string external_url;
  Nanos now = 0;              ///< Alerts that end later are firing.
  std::vector<Alert> alerts;  ///< In the order in which they are told; not empty.
};

std::string WebhookPayload(const GroupMessage& message);

/// Alertmanager's order: by job, by instance, those without last; then fewer labels first, then by
/// names and values.
void SortAlerts(std::vector<Alert>* alerts);

}  // namespace tocsin::alerting
