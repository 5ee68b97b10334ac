#include "cpp/alerting/group_table.h"

#include <algorithm>
#include <utility>

#include "cpp/base/check.h"

namespace tocsin::alerting {

StoredAlert* GroupTable::FindAlert(const Labels& labels) {
  const auto it = alerts_.find(labels);
  return it == alerts_.end() ? nullptr : &it->second;
}

StoredAlert* GroupTable::PutAlert(Alert alert) {
  const auto [it, made] = alerts_.try_emplace(alert.labels);
  if (made) it->second.fingerprint = Fingerprint(alert.labels);
  it->second.alert = std::move(alert);
  return &it->second;
}

void GroupTable::EraseAlert(StoredAlert* alert) {
  TOCSIN_CHECK(alert->groups == 0);
  // Not by the labels that die with it.
  alerts_.erase(alerts_.find(alert->alert.labels));
}

AlertGroup* GroupTable::FindGroup(const GroupId& id) {
  const auto it = groups_.find(id);
  return it == groups_.end() ? nullptr : &it->second;
}

AlertGroup* GroupTable::AddGroup(GroupId id, const routing::Route* route,
                                 const routing::Receiver* receiver, Labels labels) {
  const auto [it, made] = groups_.try_emplace(std::move(id));
  TOCSIN_CHECK(made);
  AlertGroup& group = it->second;
  group.id = it->first;
  group.serial = ++last_serial_;
  group.route = route;
  group.receiver = receiver;
  group.labels = std::move(labels);
  return &group;
}

void GroupTable::EraseGroup(AlertGroup* group) {
  TOCSIN_CHECK(group->alerts.empty());
  agenda_.erase(PlaceOf(group));
  groups_.erase(groups_.find(group->id));
}

GroupTable::Groups GroupTable::TakeGroups() {
  agenda_.clear();
  for (auto& [labels, alert] : alerts_) alert.groups = 0;
  return std::exchange(groups_, {});
}

void GroupTable::Attach(AlertGroup* group, StoredAlert* alert) {
  if (group->alerts.insert(alert).second) ++alert->groups;
}

bool GroupTable::Detach(AlertGroup* group, StoredAlert* alert) {
  if (group->alerts.erase(alert) > 0) --alert->groups;
  return alert->groups == 0;
}

void GroupTable::Schedule(AlertGroup* group) {
  agenda_.erase(PlaceOf(group));
  if (group->MustWait()) return;
  group->agenda_at = group->next_look;
  if (group->repeat_at != 0) group->agenda_at = std::min(group->agenda_at, group->repeat_at);
  agenda_.insert(PlaceOf(group));
}

AlertGroup* GroupTable::Due(Nanos now) const {
  if (agenda_.empty() || agenda_.begin()->at > now) return nullptr;
  return agenda_.begin()->group;
}

std::optional<Nanos> GroupTable::NextLook() const {
  if (agenda_.empty()) return std::nullopt;
  return agenda_.begin()->at;
}

}  // namespace tocsin::alerting
