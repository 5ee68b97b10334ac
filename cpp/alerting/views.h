/// What the router says about itself: the read models of Alertmanager's API. Plain values.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/lib/regex.h"
#include "cpp/model/alert.h"
#include "cpp/model/labels.h"
#include "cpp/routing/matcher.h"

namespace tocsin::alerting {

/// Which alerts are asked for; the default is all.
struct ViewFilter {
  routing::Matchers matchers;          ///< The labels match all of them.
  std::optional<lib::Regex> receiver;  ///< The whole name of one of its receivers.
};

struct AlertView {
  Alert alert;
  uint64_t fingerprint = 0;
  std::vector<std::string> receivers;  ///< Of all routes that it takes, in their order.
  std::string state;  ///< "unprocessed", "active" or "suppressed" (by any of the lists below).
  std::vector<std::string> silenced_by;   ///< Ids.
  std::vector<std::string> inhibited_by;  ///< Fingerprints, 16 hexadecimal digits.
  std::vector<std::string> muted_by;      ///< Names of time intervals.
};

/// One group of one route.
struct GroupView {
  std::string key;
  Labels labels;
  Labels route_labels;
  std::string receiver;
  std::vector<AlertView> alerts;  ///< Ordered by fingerprint.
  Nanos next_look = 0;            ///< When it is looked at next.
  Nanos told_at = 0;              ///< When its receiver was last told; 0: never.
  Nanos next_repeat = 0;          ///< The look at which an unchanged group is told again; 0: never.
  /// Why nobody was told at the last look: "nothing has changed since ...", "all alerts are
  /// silenced", "muted by time interval X"...; empty if somebody was.
  std::string silent_because;
};

}  // namespace tocsin::alerting
