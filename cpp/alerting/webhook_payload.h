/// What a webhook is sent: version 4 of Alertmanager's payload, byte for byte as Alertmanager
/// writes it. Private to this folder.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"

namespace tocsin::alerting {

struct GroupMessage {
  std::string receiver;
  std::string group_key;
  Labels group_labels;
  Labels route_labels;  ///< As they are told.
  std::string reason;   ///< notification_reason.
  std::string external_url;
  Nanos now = 0;              ///< Alerts that end later are firing.
  std::vector<Alert> alerts;  ///< In the order in which they are told; not empty.
  size_t truncated = 0;       ///< How many more there are.
};

std::string WebhookPayload(const GroupMessage& message);

/// Alertmanager's order: by job, by instance, those without last; then fewer labels first, then by
/// names and values.
void SortAlerts(std::vector<Alert>* alerts);

// What payload and templates both say about a message.

using StringPairs = std::vector<std::pair<std::string, std::string>>;

/// "firing" if any alert fires, else "resolved".
std::string_view StatusOf(const GroupMessage& message);
/// The receiver's name as Alertmanager tells it: what means something in a pattern is escaped.
std::string ReceiverText(const GroupMessage& message);
/// Those that all alerts have.
StringPairs CommonLabels(const GroupMessage& message);
StringPairs CommonAnnotations(const GroupMessage& message);
/// 16 hexadecimal digits.
std::string FingerprintText(uint64_t fingerprint);

/// A text as encoding/json of Go writes it, quotes included.
void AppendJsonText(std::string* out, std::string_view text);

}  // namespace tocsin::alerting
