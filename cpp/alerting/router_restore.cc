// Coming back after a restart, and taking another configuration.

#include <algorithm>
#include <map>
#include <utility>

#include "cpp/alerting/router_impl.h"
#include "cpp/base/log.h"

namespace tocsin::alerting {
namespace {

constexpr std::string_view kAlertPrefix = "alert/";
constexpr std::string_view kGroupPrefix = "group/";
constexpr std::string_view kLogPrefix = "log/";
constexpr std::string_view kOutboxPrefix = "out/";

void Complain(std::string_view what, const Status& status) {
  log::Error("the state of notifications is damaged", {{"what", what}, {"err", status.message()}});
}

}  // namespace

void Router::Impl::RestoreAlert(std::string_view bytes, Nanos now) {
  Result<Alert> alert = DecodeAlert(bytes);
  if (!alert.has_value()) return Complain("an alert", alert.error());
  // It fired when it was saved: whoever says so gets the time to say so again.
  const Nanos validity = alert->ends_at - alert->updated_at;
  if (validity > 0 && alert->ends_at <= now) alert->ends_at = now + validity;
  StoredAlert* stored = table_.PutAlert(*std::move(alert));
  Place(stored, now);
  if (stored->groups == 0) return EraseAlert(stored);
  setup_->suppression.Update(stored->alert);
}

void Router::Impl::RestoreGroup(AlertGroup* group, std::string_view bytes, Nanos now) {
  const Result<SavedGroup> saved = DecodeGroup(bytes);
  if (!saved.has_value()) return Complain("a group", saved.error());
  group->looked_at = saved->looked_at;
  const routing::Route& route = *group->route;
  const Nanos longest = saved->looked_at ? route.group_interval : route.group_wait;
  group->next_look = std::min(saved->next_look, now + longest);
  NoteGroup(*group);
  table_.Schedule(group);
}

void Router::Impl::RestoreDelivery(const std::string& key, std::string_view bytes, Nanos now) {
  Result<Delivery> decoded = DecodeDelivery(bytes);
  if (!decoded.has_value()) {
    journal_.Erase(key);
    return Complain("an undelivered notification", decoded.error());
  }
  const auto delivery = std::make_shared<Delivery>(*std::move(decoded));
  const routing::Receiver* receiver = setup_->FindReceiver(delivery->notification.receiver);
  if (receiver == nullptr || delivery->notification.integration >= receiver->webhooks.size()) {
    return journal_.Erase(key);
  }
  const GroupId id{delivery->group_key, receiver->name};
  AlertGroup* group = table_.FindGroup(id);
  if (group == nullptr) {
    // Its alerts belong elsewhere now, but it was promised.
    group = table_.AddGroup(id, &setup_->config.route, receiver, {});
    group->next_look = now + group->route->group_interval;
    group->looked_at = true;
  }
  delivery->restored = true;
  delivery->next_attempt = now;
  delivery->deadline = group->next_look;
  group->deliveries.push_back(delivery);
  queue_.Put(delivery);
  table_.Schedule(group);
}

Status Router::Impl::Restore(Nanos now) {
  const std::lock_guard lock(mutex_);
  auto loaded = ports_.state.Load();
  if (!loaded.has_value()) return loaded.error();
  const auto each = [&](std::string_view prefix, const auto& take) {
    for (const auto& [key, bytes] : *loaded) {
      if (key.starts_with(prefix)) take(key, bytes);
    }
  };
  // The log first: it tells which resolved alerts are still news.
  each(kLogPrefix, [&](const std::string& key, const std::string& bytes) {
    Result<LogEntry> entry = DecodeLogEntry(bytes);
    if (entry.has_value()) log_.Restore(key, *std::move(entry));
  });
  each(kAlertPrefix,
       [&](const std::string&, const std::string& bytes) { RestoreAlert(bytes, now); });
  std::map<std::string, AlertGroup*> groups;
  for (const auto& [id, seen] : table_.groups()) {
    groups.emplace(GroupStateKey(id), table_.FindGroup(id));
  }
  each(kGroupPrefix, [&](const std::string& key, const std::string& bytes) {
    const auto group = groups.find(key);
    if (group == groups.end()) return journal_.Erase(key);
    RestoreGroup(group->second, bytes, now);
  });
  each(kOutboxPrefix,
       [&](const std::string& key, const std::string& bytes) { RestoreDelivery(key, bytes, now); });
  log_.Sweep(now);
  journal_.Save();
  return {};
}

/// Gives the group that is being made what the one of its name had.
void Router::Impl::CarryOver(AlertGroup* retired, Nanos now) {
  AlertGroup* group = table_.FindGroup(retired->id);
  const routing::Route& route = *group->route;
  const Nanos longest = retired->looked_at ? route.group_interval : route.group_wait;
  group->next_look = std::min(retired->next_look, now + longest);
  group->last_look = retired->last_look;
  group->looked_at = retired->looked_at;
  group->silent_because = retired->silent_because;
  for (const std::shared_ptr<Delivery>& delivery : std::exchange(retired->deliveries, {})) {
    if (delivery->notification.integration < group->receiver->webhooks.size()) {
      group->deliveries.push_back(delivery);
    } else {
      Withdraw(group, delivery);
    }
  }
}

void Router::Impl::Regroup(Nanos now) {
  for (const auto& [labels, seen] : table_.alerts()) {
    setup_->suppression.Update(seen.alert);
    Place(table_.FindAlert(labels), now);
  }
  for (auto& [id, group] : retired_) {
    if (table_.FindGroup(id) == nullptr) {
      journal_.Erase(GroupStateKey(id));
      const routing::Receiver* receiver = setup_->FindReceiver(id.second);
      if (receiver != nullptr && !group.deliveries.empty()) {
        // Its alerts belong elsewhere now, but it was promised.
        AlertGroup* rest = table_.AddGroup(id, &setup_->config.route, receiver, group.labels);
        CarryOver(&group, now);
        rest->looked_at = true;
        table_.Schedule(rest);
      }
    }
    for (const auto& delivery : std::vector(group.deliveries)) Withdraw(&group, delivery);
  }
  std::vector<StoredAlert*> homeless;
  for (const auto& [labels, seen] : table_.alerts()) {
    if (seen.groups == 0) homeless.push_back(table_.FindAlert(labels));
  }
  for (StoredAlert* stored : homeless) EraseAlert(stored);
}

Status Router::Impl::Reload(routing::Config config, Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(std::unique_ptr<Setup> setup,
                          Setup::Make(std::move(config), ports_.silences));
  const std::lock_guard lock(mutex_);
  retired_ = table_.TakeGroups();
  std::swap(setup_, setup);  // The groups that retire still point into the old one.
  metrics_.Announce(setup_->config);
  Regroup(now);
  retired_.clear();
  journal_.Save();
  return {};
}

}  // namespace tocsin::alerting
