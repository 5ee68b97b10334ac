/// The alerts that are held, the groups that hold them, and the order in which groups are due.
/// Private to this folder; without a lock of its own.

#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "cpp/alerting/alert_group.h"
#include "cpp/base/clock.h"
#include "cpp/model/labels.h"
#include "cpp/routing/config.h"

namespace tocsin::alerting {

class GroupTable {
 public:
  /// Pointers stay valid until the alert or group is erased.
  using Alerts = std::map<Labels, StoredAlert>;
  using Groups = std::map<GroupId, AlertGroup>;

  const Alerts& alerts() const { return alerts_; }
  const Groups& groups() const { return groups_; }

  StoredAlert* FindAlert(const Labels& labels);
  /// Adds one that no group holds yet, or replaces the content of the one with its labels.
  StoredAlert* PutAlert(Alert alert);
  void EraseAlert(StoredAlert* alert);

  AlertGroup* FindGroup(const GroupId& id);
  /// Adds an empty one, not in the agenda.
  AlertGroup* AddGroup(GroupId id, const routing::Route* route, const routing::Receiver* receiver,
                       Labels labels);
  /// REQUIRES: it holds no alerts.
  void EraseGroup(AlertGroup* group);
  /// Takes all groups out; the alerts stay, in no group.
  Groups TakeGroups();

  static void Attach(AlertGroup* group, StoredAlert* alert);
  /// Whether no group holds the alert any more.
  static bool Detach(AlertGroup* group, StoredAlert* alert);

  /// Puts the group where it belongs in the agenda: at its next look, or nowhere if it must wait.
  void Schedule(AlertGroup* group);
  /// The group that has been due for the longest, or null.
  AlertGroup* Due(Nanos now) const;
  /// When the next group is due; nullopt: none.
  std::optional<Nanos> NextLook() const;

 private:
  Alerts alerts_;
  Groups groups_;
  struct Place {
    Nanos at = 0;
    uint64_t serial = 0;
    AlertGroup* group = nullptr;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  static Place PlaceOf(AlertGroup* group) { return {group->agenda_at, group->serial, group}; }
  std::set<Place> agenda_;
  uint64_t last_serial_ = 0;
};

}  // namespace tocsin::alerting
