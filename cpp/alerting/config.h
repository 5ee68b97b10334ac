/// Who is told about which alerts, and how often: the words are Alertmanager's.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::alerting {

struct Webhook {
  std::string url;
  bool send_resolved = true;
};

struct Receiver {
  std::string name;
  std::vector<Webhook> webhooks;
};

struct Route {
  std::string receiver;
  /// Alerts that agree in these labels are told together. "..." alone: each alert by itself. Empty:
  /// all together.
  std::vector<std::string> group_by;
  Nanos group_wait = 30 * kSecond;     ///< Before a new group is told of for the first time.
  Nanos group_interval = 5 * kMinute;  ///< Between looks at a group, at which changes are told.
  Nanos repeat_interval = 4 * kHour;   ///< After which what has not changed is told again.
};

struct Config {
  Route route;
  std::vector<Receiver> receivers;
};

/// kInvalidArgument for a route to a receiver that does not exist, two receivers of one name, an
/// interval that is not positive, a webhook without a URL.
Status Validate(const Config& config);

}  // namespace tocsin::alerting
