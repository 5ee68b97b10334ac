#include "cpp/alerting/suppression.h"

#include <algorithm>

namespace tocsin::alerting {

Suppression::Suppression(const routing::Config& config, const Silences& silences)
    : silences_(silences), inhibitor_(config.inhibit_rules) {
  for (const routing::NamedInterval& interval : config.time_intervals) {
    intervals_.emplace(interval.name, &interval);
  }
}

bool Suppression::Holds(const std::string& interval, Nanos now) const {
  const auto it = intervals_.find(interval);
  return it != intervals_.end() && it->second->Contains(now);
}

Suppression::Muted Suppression::MutedBy(const routing::Route& route, Nanos now) const {
  Muted muted;
  const auto holds = [&](const std::string& name) { return Holds(name, now); };
  const auto& active = route.active_time_intervals;
  if (!active.empty() && std::ranges::none_of(active, holds)) {
    muted.by = active;
    muted.inactive = true;
    return muted;
  }
  std::ranges::copy_if(route.mute_time_intervals, std::back_inserter(muted.by), holds);
  return muted;
}

}  // namespace tocsin::alerting
