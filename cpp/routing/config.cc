#include "cpp/routing/config.h"

#include <set>
#include <string_view>
#include <utility>

#include "cpp/base/quote.h"

namespace tocsin::routing {
namespace {

using Names = std::set<std::string, std::less<>>;

void FindInRoute(const Route& route, const std::string& place, const Names& receivers,
                 const Names& intervals, std::vector<Problem>* out) {
  if (!receivers.contains(route.receiver)) {
    out->push_back(
        {place + ".receiver", "undefined receiver " + QuoteGo(route.receiver) + " used in route"});
  }
  if (route.group_interval <= 0) out->push_back({place + ".group_interval", "cannot be zero"});
  if (route.repeat_interval <= 0) out->push_back({place + ".repeat_interval", "cannot be zero"});
  if (route.group_wait < 0) out->push_back({place + ".group_wait", "cannot be negative"});
  for (const auto* names : {&route.active_time_intervals, &route.mute_time_intervals}) {
    for (const std::string& name : *names) {
      if (intervals.contains(name)) continue;
      out->push_back({place, "undefined time interval " + QuoteGo(name) + " used in route"});
    }
  }
  for (size_t i = 0; i < route.routes.size(); ++i) {
    FindInRoute(route.routes[i], place + ".routes[" + std::to_string(i) + "]", receivers, intervals,
                out);
  }
}

void FindInRoot(const Route& root, std::vector<Problem>* out) {
  if (!root.matchers.empty()) out->push_back({"route", "root route must not have any matchers"});
  if (!root.mute_time_intervals.empty()) {
    out->push_back({"route", "root route must not have any mute time intervals"});
  }
  if (!root.active_time_intervals.empty()) {
    out->push_back({"route", "root route must not have any active time intervals"});
  }
  if (root.continues) out->push_back({"route", "cannot have continue in root route"});
}

template <class List>
Names CollectNames(const List& list, const std::string& key, std::vector<Problem>* out) {
  Names names;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string place = key + "[" + std::to_string(i) + "].name";
    const std::string& name = list[i].name;
    if (name.empty()) {
      out->push_back({place, "name is missing"});
    } else if (!names.insert(name).second) {
      out->push_back({place, "name " + QuoteGo(name) + " is not unique"});
    }
  }
  return names;
}

void NameRoute(Route* route, const std::string& key, const std::string& id) {
  SortMatchers(&route->matchers);
  const std::string own = ToString(route->matchers);
  const bool root = key.empty();
  route->key = root ? own : key + "/" + own;
  route->id = root ? own : id;
  for (size_t i = 0; i < route->routes.size(); ++i) {
    Route& child = route->routes[i];
    SortMatchers(&child.matchers);
    NameRoute(&child, route->key,
              route->id + "/" + ToString(child.matchers) + "/" + std::to_string(i));
  }
}

// False if the route does not match.
bool MatchRoute(const Route& route, const Labels& labels, std::vector<const Route*>* out) {
  if (!MatchesAll(route.matchers, labels)) return false;
  const size_t before = out->size();
  for (const Route& child : route.routes) {
    if (MatchRoute(child, labels, out) && !child.continues) break;
  }
  if (out->size() == before) out->push_back(&route);
  return true;
}

}  // namespace

std::vector<Problem> FindProblems(const Config& config) {
  std::vector<Problem> problems;
  const Names receivers = CollectNames(config.receivers, "receivers", &problems);
  const Names intervals = CollectNames(config.time_intervals, "time_intervals", &problems);
  if (config.route.receiver.empty()) {
    problems.push_back({"route", "root route must specify a default receiver"});
    return problems;
  }
  FindInRoot(config.route, &problems);
  FindInRoute(config.route, "route", receivers, intervals, &problems);
  return problems;
}

Status Finish(Config* config) {
  const std::vector<Problem> problems = FindProblems(*config);
  if (!problems.empty()) {
    return InvalidArgumentError(problems.front().place + ": " + problems.front().message);
  }
  NameRoute(&config->route, {}, {});
  return {};
}

std::vector<const Route*> Match(const Config& config, const Labels& labels) {
  std::vector<const Route*> routes;
  MatchRoute(config.route, labels, &routes);
  if (routes.empty()) routes.push_back(&config.route);
  return routes;
}

}  // namespace tocsin::routing
