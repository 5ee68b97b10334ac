// What the API shows.

#include <algorithm>
#include <utility>

#include "cpp/alerting/router_impl.h"

namespace tocsin::alerting {
namespace {

bool Wants(const ViewFilter& filter, const std::string& receiver) {
  return !filter.receiver.has_value() || filter.receiver->FullMatch(receiver);
}

bool ComesBefore(const GroupView& a, const GroupView& b) {
  return std::tie(a.labels, a.receiver, a.key) < std::tie(b.labels, b.receiver, b.key);
}

}  // namespace

std::vector<const routing::Route*> Router::Impl::RoutesOf(const Labels& labels) const {
  return routing::Match(setup_->config, labels);
}

AlertView Router::Impl::ViewOf(const StoredAlert& stored, Nanos now) const {
  const Labels& labels = stored.alert.labels;
  const Suppression& suppression = setup_->suppression;
  AlertView view;
  view.alert = stored.alert;
  view.fingerprint = stored.fingerprint;
  view.silenced_by = suppression.SilencedBy(labels, now);
  for (const uint64_t fingerprint : suppression.InhibitedBy(labels, now)) {
    view.inhibited_by.push_back(FingerprintText(fingerprint));
  }
  for (const routing::Route* route : RoutesOf(labels)) {
    view.receivers.push_back(route->receiver);
    for (std::string& name : suppression.MutedBy(*route, now).by) {
      if (std::ranges::find(view.muted_by, name) == view.muted_by.end()) {
        view.muted_by.push_back(std::move(name));
      }
    }
  }
  const bool suppressed =
      !view.silenced_by.empty() || !view.inhibited_by.empty() || !view.muted_by.empty();
  view.state = suppressed ? "suppressed" : stored.looked_at ? "active" : "unprocessed";
  return view;
}

std::vector<AlertView> Router::Impl::Alerts(const ViewFilter& filter, Nanos now) const {
  std::vector<AlertView> views;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [labels, stored] : table_.alerts()) {
      if (!routing::MatchesAll(filter.matchers, labels)) continue;
      AlertView view = ViewOf(stored, now);
      const auto wants = [&](const std::string& receiver) { return Wants(filter, receiver); };
      if (std::ranges::any_of(view.receivers, wants)) views.push_back(std::move(view));
    }
  }
  std::ranges::stable_sort(views, {}, &AlertView::fingerprint);
  return views;
}

GroupView Router::Impl::ViewOf(const AlertGroup& group, Nanos now) const {
  GroupView view;
  view.key = group.id.first;
  view.labels = group.labels;
  view.receiver = group.receiver->name;
  view.next_look = group.agenda_at == 0 ? group.next_look : group.agenda_at;
  view.silent_because = group.silent_because;
  bool fires = false;
  for (size_t i = 0; i < group.receiver->webhooks.size(); ++i) {
    const LogEntry* entry = log_.Find(LogKeyOf(group, i), now);
    if (entry == nullptr) continue;
    view.told_at = std::max(view.told_at, entry->told_at);
    fires |= !entry->firing.empty();
  }
  if (view.told_at == 0 || !fires) return view;
  view.next_repeat = std::max(view.told_at + group.route->repeat_interval, group.next_look);
  if (setup_->config.exact_repeat) {
    view.next_repeat = view.told_at + group.route->repeat_interval;
  } else {
    // The first look of the grid that is not before.
    const Nanos interval = group.route->group_interval;
    const Nanos missing = view.next_repeat - group.next_look;
    view.next_repeat = group.next_look + (missing + interval - 1) / interval * interval;
  }
  return view;
}

std::vector<GroupView> Router::Impl::Groups(const ViewFilter& filter, Nanos now) const {
  std::vector<GroupView> views;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, group] : table_.groups()) {
      if (!Wants(filter, group.receiver->name)) continue;
      GroupView view = ViewOf(group, now);
      GroupMessage message;
      message.receiver = group.receiver->name;
      message.group_key = id.first;
      message.group_labels = group.labels;
      message.external_url = options_.external_url;
      message.now = now;
      for (const StoredAlert* stored : group.alerts) {
        message.alerts.push_back(stored->alert);
        if (!routing::MatchesAll(filter.matchers, stored->alert.labels)) continue;
        view.alerts.push_back(ViewOf(*stored, now));
      }
      if (view.alerts.empty()) continue;
      SortAlerts(&message.alerts);
      view.route_labels = setup_->templates.RouteLabels(group.route->labels, message);
      std::ranges::stable_sort(view.alerts, {}, &AlertView::fingerprint);
      views.push_back(std::move(view));
    }
  }
  std::ranges::sort(views, ComesBefore);
  return views;
}

std::vector<std::string> Router::Impl::Receivers() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const routing::Receiver& receiver : setup_->config.receivers) names.push_back(receiver.name);
  return names;
}

std::string Router::Impl::OriginalConfig() const {
  const std::lock_guard lock(mutex_);
  return setup_->config.original;
}

}  // namespace tocsin::alerting
