/// The router's state, and what happens to it: taking alerts (router.cc), looking at groups and
/// deciding (router_look.cc), delivering (router_deliver.cc), coming back after a restart and
/// taking another configuration (router_restore.cc), showing itself (router_views.cc). Private to
/// this folder.

#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/alerting/alert_group.h"
#include "cpp/alerting/delivery_queue.h"
#include "cpp/alerting/group_table.h"
#include "cpp/alerting/journal.h"
#include "cpp/alerting/notification_log.h"
#include "cpp/alerting/notification_template.h"
#include "cpp/alerting/router.h"
#include "cpp/alerting/router_metrics.h"
#include "cpp/alerting/suppression.h"
#include "cpp/alerting/webhook_payload.h"

namespace tocsin::alerting {

/// One configuration and what is made of it. Groups point into it.
struct Setup {
  Setup(routing::Config of, NotificationTemplates with, const Silences& silences)
      : config(std::move(of)), templates(std::move(with)), suppression(config, silences) {}

  /// Errors as Router::Make.
  static Result<std::unique_ptr<Setup>> Make(routing::Config config, const Silences& silences);
  const routing::Receiver* FindReceiver(std::string_view name) const;

  const routing::Config config;
  const NotificationTemplates templates;
  Suppression suppression;
};

class Router::Impl {
 public:
  Impl(std::unique_ptr<Setup> setup, Options options, Ports ports);

  Status Restore(Nanos now);
  Status Reload(routing::Config config, Nanos now);
  Status Receive(std::span<const Alert> alerts, Nanos now);
  Nanos Look(Nanos now);
  Nanos Deliver(Nanos now);
  Nanos RunDue(Nanos now);
  Nanos NextDue() const;
  Nanos NextDelivery() const;
  std::vector<AlertView> Alerts(const ViewFilter& filter, Nanos now) const;
  std::vector<GroupView> Groups(const ViewFilter& filter, Nanos now) const;
  std::vector<std::string> Receivers() const;
  std::string OriginalConfig() const;

 private:
  /// One look at a group.
  struct Glance {
    AlertGroup* group = nullptr;
    Nanos now = 0;
    Nanos due = 0;         ///< When the look should have been.
    GroupMessage message;  ///< All alerts that may be told of.
  };

  // All below: REQUIRES mutex_.
  Nanos NextLocked() const;

  // Taking alerts.
  bool Take(Alert alert, Nanos now);
  /// Puts an alert into all groups that it belongs to.
  void Place(StoredAlert* stored, Nanos now);
  bool MayBelieveFiring(const AlertGroup& group, uint64_t fingerprint, Nanos now) const;
  AlertGroup* GroupFor(const routing::Route& route, const GroupId& id, Labels labels, Nanos now);
  void Forget(AlertGroup* group, StoredAlert* stored);
  void EraseAlert(StoredAlert* stored);
  void NoteAlert(const Alert& alert);
  void NoteGroup(const AlertGroup& group);

  // Looking at groups.
  void TakeUpClock(Nanos now);
  void LookAt(AlertGroup* group, Nanos now);
  void CollectAlerts(Glance* glance);
  bool Tell(const Glance& glance, size_t integration);
  Result<Notification> Compose(const Glance& glance, size_t integration, Reason reason) const;
  /// The address if the message makes it, else "".
  Result<std::string> UrlOf(const routing::Webhook& webhook, const GroupMessage& message) const;
  void Start(const Glance& glance, Notification notification, LogEntry entry);
  void Remember(const Glance& glance, size_t integration, const LogEntry& entry);
  void Withdraw(AlertGroup* group, const std::shared_ptr<Delivery>& delivery);
  /// Forgets resolved alerts that everybody knows of who should, and the group if it is empty;
  /// otherwise sees to its next look.
  void CloseLook(AlertGroup* group, Nanos now);
  bool IsOwed(const AlertGroup& group, uint64_t fingerprint, Nanos now) const;
  Nanos ExactRepeat(const AlertGroup& group, Nanos now) const;
  void SetGauges(Nanos now);

  // Delivering.
  void Prepare(Delivery* delivery, Nanos now) const;
  void Finish(const std::shared_ptr<Delivery>& delivery, const NotifyOutcome& outcome, Nanos now);
  void TryAgain(AlertGroup* group, const std::shared_ptr<Delivery>& delivery,
                const NotifyOutcome& outcome, Nanos now);

  // Coming back.
  void RestoreAlert(std::string_view bytes, Nanos now);
  void RestoreGroup(AlertGroup* group, std::string_view bytes, Nanos now);
  void RestoreDelivery(const std::string& key, std::string_view bytes, Nanos now);
  void Regroup(Nanos now);
  void CarryOver(AlertGroup* retired, Nanos now);

  // Showing itself.
  AlertView ViewOf(const StoredAlert& stored, Nanos now) const;
  GroupView ViewOf(const AlertGroup& group, Nanos now) const;
  std::vector<const routing::Route*> RoutesOf(const Labels& labels) const;

  std::string LogKeyOf(const AlertGroup& group, size_t integration) const {
    return LogKey(group.receiver->name, integration, group.id.first);
  }

  const Options options_;
  const Ports ports_;

  mutable std::mutex mutex_;
  std::unique_ptr<Setup> setup_;
  RouterMetrics metrics_;
  Journal journal_;
  NotificationLog log_;
  GroupTable table_;
  DeliveryQueue queue_;
  GroupTable::Groups retired_;  ///< Of the configuration before, while groups are made anew.
  Nanos latest_ = 0;            ///< The latest time that was ever said.
  Nanos counted_at_ = 0;        ///< When the gauges were set.
};

}  // namespace tocsin::alerting
