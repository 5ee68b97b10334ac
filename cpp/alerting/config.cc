#include "cpp/alerting/config.h"

#include <set>
#include <string_view>
#include <utility>

namespace tocsin::alerting {

Status Validate(const Config& config) {
  std::set<std::string_view> names;
  for (const Receiver& receiver : config.receivers) {
    if (!names.insert(receiver.name).second) {
      return InvalidArgumentError("receiver \"" + receiver.name + "\" is defined twice");
    }
    for (const Webhook& webhook : receiver.webhooks) {
      if (webhook.url.empty()) {
        return InvalidArgumentError("a webhook of receiver \"" + receiver.name + "\" has no url");
      }
    }
  }
  const Route& route = config.route;
  if (!names.contains(route.receiver)) {
    return InvalidArgumentError("the route's receiver \"" + route.receiver + "\" is not defined");
  }
  const std::pair<std::string_view, Nanos> intervals[] = {
      {"group_interval", route.group_interval}, {"repeat_interval", route.repeat_interval}};
  for (const auto& [name, interval] : intervals) {
    if (interval <= 0) return InvalidArgumentError(std::string(name) + " must be positive");
  }
  if (route.group_wait < 0) return InvalidArgumentError("group_wait must not be negative");
  return {};
}

}  // namespace tocsin::alerting
