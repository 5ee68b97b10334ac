/// An Alertmanager's configuration as plain values: who is told about which alerts, when, how
/// often, and what keeps them quiet. cpp/config reads it from YAML (read_alertmanager),
/// cpp/alerting obeys it.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/routing/matcher.h"
#include "cpp/routing/time_interval.h"

namespace tocsin::routing {

/// One entry of `webhook_configs`.
struct Webhook {
  http::Secret url;  ///< A template; url or url_file.
  bool send_resolved = true;
  http::ClientOptions client;
  size_t max_alerts = 0;  ///< Told in one message; 0: all.
  Nanos timeout = 0;      ///< Of one attempt; 0: none but the end of the flush.
  /// `payload` as JSON, whose texts are templates: sent instead of the default; empty: the default,
  /// version 4.
  std::string payload;
};

struct Receiver {
  std::string name;
  std::vector<Webhook> webhooks;
};

/// A node of the routing tree, with everything that it inherits filled in by the reader.
struct Route {
  std::string receiver;
  Matchers matchers;  ///< Of all three spellings: matchers, match, match_re.
  std::vector<std::string> group_by;
  bool group_by_all = false;  ///< "...": every alert by itself.
  Nanos group_wait = 30 * kSecond;
  Nanos group_interval = 5 * kMinute;
  Nanos repeat_interval = 4 * kHour;
  bool continues = false;  ///< `continue`: siblings behind it are tried too.
  std::vector<std::string> mute_time_intervals;
  std::vector<std::string> active_time_intervals;
  Labels labels;  ///< `labels` of the route: routeLabels of the payload.
  std::vector<Route> routes;

  // Filled in by Finish(), as Alertmanager names routes.
  std::string key;  ///< What group keys begin with: `{}/{severity="page"}`; siblings may share it.
  std::string id;   ///< Of this route alone: `{}/{severity="page"}/0`.
};

struct InhibitRule {
  std::string name;
  Matchers source;
  Matchers target;
  std::vector<std::string> equal;
};

struct Config {
  Nanos resolve_timeout = 5 * kMinute;
  http::ClientOptions client;  ///< Of webhooks without one of their own; they have a copy.
  Route route;
  std::vector<Receiver> receivers;
  std::vector<InhibitRule> inhibit_rules;
  std::vector<NamedInterval> time_intervals;  ///< mute_time_intervals too.
  std::vector<std::string> template_files;    ///< `templates`: globs, resolved.
  /// Our own: repeat exactly after repeat_interval, not at the next look of the group after it.
  bool exact_repeat = false;
  std::string original;  ///< As it was written, secrets hidden: what /api/v2/status shows.
};

/// Something that no reading of single values can find.
struct Problem {
  std::string place;  ///< By the names of the file: "route.routes[1]".
  std::string message;
};

/// A route to a receiver that does not exist, an interval that is not defined, names that stand
/// twice or are empty, intervals that are not positive, a root without a receiver or with what only
/// its children may have. In the order of the tree. `time_intervals` are those of both lists.
std::vector<Problem> FindProblems(const Config& config);

/// Sorts the matchers of all routes and fills in their names. kInvalidArgument: the first problem.
Status Finish(Config* config);

/// The routes that an alert takes: depth first, the first that matches unless it continues; the
/// root if no other. Never empty. Pointers into `config`.
std::vector<const Route*> Match(const Config& config, const Labels& labels);

}  // namespace tocsin::routing
