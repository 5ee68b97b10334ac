#include "cpp/alerting/router.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "cpp/alerting/alert_group.h"
#include "cpp/alerting/notification_log.h"
#include "cpp/alerting/webhook_payload.h"
#include "cpp/base/log.h"

namespace tocsin::alerting {
namespace {

/// Keys of the state store: "alert/<labels>", "group/<key>", "log/<receiver>/<integration>/<key>".
constexpr std::string_view kAlertPrefix = "alert/";
constexpr std::string_view kGroupPrefix = "group/";
constexpr std::string_view kLogPrefix = "log/";

std::string AlertKey(const Labels& labels) { return std::string(kAlertPrefix) + labels.ToString(); }
std::string SavedGroupKey(std::string_view group_key) {
  return std::string(kGroupPrefix).append(group_key);
}

bool IsWorthAnotherTry(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded;
}

/// Whether two messages differ in more than how long the alert holds, which is not worth a write.
bool IsNews(const Alert& before, const Alert& after, Nanos now) {
  return before.ResolvedAt(now) || after.ResolvedAt(now) || before.starts_at != after.starts_at ||
         before.annotations != after.annotations || before.generator_url != after.generator_url;
}

}  // namespace

class Router::Impl {
 public:
  Impl(Config config, Options options, Ports ports)
      : config_(std::move(config)),
        options_(std::move(options)),
        ports_(ports),
        receiver_(*std::ranges::find(config_.receivers, config_.route.receiver, &Receiver::name)),
        sent_(ports.telemetry.GetCounter(
            "alertmanager_notifications_total", "The total number of attempted notifications.",
            {{"integration", "webhook"}, {"receiver", receiver_.name}})),
        failed_(ports.telemetry.GetCounter(
            "alertmanager_notifications_failed_total", "The total number of failed notifications.",
            {{"integration", "webhook"}, {"receiver", receiver_.name}})),
        refused_(
            ports.telemetry.GetCounter("tocsin_alerting_refused_alerts_total",
                                       "Alerts that were not taken, for there are too many.")) {}

  Status Restore(Nanos now);
  Status Receive(std::span<const Alert> alerts, Nanos now);
  Nanos RunDue(Nanos now);
  Nanos NextDue() const {
    const std::lock_guard lock(mutex_);
    return NextDueLocked();
  }

 private:
  using GroupMap = std::map<std::string, AlertGroup, std::less<>>;

  // All below: REQUIRES mutex_.
  Nanos NextDueLocked() const;
  GroupMap::iterator DueGroup(Nanos now);
  std::shared_ptr<Delivery> DueDelivery(Nanos now) const;
  bool Take(const Alert& alert, Nanos now);
  bool WasToldFiring(const std::string& group_key, uint64_t fingerprint, Nanos now) const;
  AlertGroup& GroupFor(const std::string& key, const Labels& labels, Nanos now);
  void Look(GroupMap::iterator group, Nanos now);
  void StartDelivery(GroupMap::iterator group, size_t integration, const std::vector<Alert>& alerts,
                     Nanos looked_at, Nanos now);
  void Finish(const Delivery& delivery, const Status& status, Nanos now);
  void CloseLook(GroupMap::iterator group);
  std::string LogKey(size_t integration, std::string_view group_key) const;
  const LogEntry* FindLogEntry(const std::string& key, Nanos now) const;
  void WriteLog(const std::string& key, LogEntry entry);
  void DropExpiredLog(Nanos now);
  void NoteAlert(const Alert& alert) {
    changes_.insert_or_assign(AlertKey(alert.labels), EncodeAlert(alert));
  }
  void NoteGroup(const std::string& key, const AlertGroup& group);
  void Note(std::string key, std::optional<std::string> value) {
    changes_.insert_or_assign(std::move(key), std::move(value));
  }
  void Save();
  void RestoreAlert(std::string_view bytes, Nanos now);
  void RestoreGroup(const std::string& key, std::string_view bytes, Nanos now);

  const Config config_;
  const Options options_;
  const Ports ports_;
  const Receiver& receiver_;
  Counter& sent_;
  Counter& failed_;
  Counter& refused_;

  mutable std::mutex mutex_;
  GroupMap groups_;
  size_t alert_count_ = 0;
  std::map<std::string, LogEntry, std::less<>> log_;
  /// What the store does not hold yet.
  std::map<std::string, std::optional<std::string>> changes_;
};

std::string Router::Impl::LogKey(size_t integration, std::string_view group_key) const {
  return std::string(kLogPrefix) + receiver_.name + "/webhook/" + std::to_string(integration) +
         "/" + std::string(group_key);
}

const LogEntry* Router::Impl::FindLogEntry(const std::string& key, Nanos now) const {
  const auto entry = log_.find(key);
  return entry == log_.end() || entry->second.expires_at <= now ? nullptr : &entry->second;
}

void Router::Impl::WriteLog(const std::string& key, LogEntry entry) {
  Note(key, EncodeLogEntry(entry));
  log_.insert_or_assign(key, std::move(entry));
}

void Router::Impl::DropExpiredLog(Nanos now) {
  std::erase_if(log_, [&](const auto& item) {
    if (item.second.expires_at > now) return false;
    Note(item.first, std::nullopt);
    return true;
  });
}

void Router::Impl::NoteGroup(const std::string& key, const AlertGroup& group) {
  SavedGroup saved;
  saved.next_look = group.next_look;
  saved.looked_at = group.looked_at;
  saved.unfinished = !group.deliveries.empty() || group.failed;
  Note(SavedGroupKey(key), EncodeGroup(saved));
}

void Router::Impl::Save() {
  if (changes_.empty()) return;
  std::vector<StateChange> changes;
  changes.reserve(changes_.size());
  for (const auto& [key, value] : changes_) changes.push_back({key, value});
  const Status status = ports_.state.Save(changes);
  if (status.ok()) {
    changes_.clear();
  } else {
    log::Error("saving the state of notifications failed", {{"err", status.message()}});
  }
}

AlertGroup& Router::Impl::GroupFor(const std::string& key, const Labels& labels, Nanos now) {
  const auto [group, made] = groups_.try_emplace(key);
  if (made) {
    group->second.labels = labels;
    group->second.next_look = now + config_.route.group_wait;
  }
  return group->second;
}

bool Router::Impl::WasToldFiring(const std::string& group_key, uint64_t fingerprint,
                                 Nanos now) const {
  for (size_t i = 0; i < receiver_.webhooks.size(); ++i) {
    const LogEntry* entry = FindLogEntry(LogKey(i, group_key), now);
    if (entry != nullptr && entry->firing.contains(fingerprint)) return true;
  }
  return false;
}

/// False if there is no room for it.
bool Router::Impl::Take(const Alert& alert, Nanos now) {
  const Labels group_labels = GroupLabels(config_.route, alert.labels);
  const std::string key = GroupKey(group_labels);
  const auto present = groups_.find(key);
  const bool known = present != groups_.end() && present->second.alerts.contains(alert.labels);
  if (!known) {
    // The end of what nobody was told of is no news.
    if (alert.ResolvedAt(now) && !WasToldFiring(key, Fingerprint(alert.labels), now)) return true;
    if (alert_count_ >= options_.alerts_max) return false;
  }
  AlertGroup& group = GroupFor(key, group_labels, now);
  Alert taken = alert;
  if (known) {
    const Alert& before = group.alerts.at(alert.labels);
    if (before.updated_at > alert.updated_at) return true;
    if (!before.ResolvedAt(now)) taken.starts_at = std::min(before.starts_at, alert.starts_at);
    if (IsNews(before, taken, now)) NoteAlert(taken);
  } else {
    ++alert_count_;
    NoteAlert(taken);
  }
  if (!group.looked_at && taken.starts_at + config_.route.group_wait < now) group.next_look = now;
  group.alerts.insert_or_assign(taken.labels, std::move(taken));
  if (present == groups_.end()) NoteGroup(key, group);
  return true;
}

Status Router::Impl::Receive(std::span<const Alert> alerts, Nanos now) {
  const std::lock_guard lock(mutex_);
  size_t refused = 0;
  for (const Alert& alert : alerts) {
    if (!Take(alert, now)) ++refused;
  }
  Save();
  if (refused == 0) return {};
  refused_.Add(static_cast<double>(refused));
  return ResourceExhaustedError(std::to_string(refused) + " alerts were refused: there are " +
                                std::to_string(options_.alerts_max) + " already");
}

Router::Impl::GroupMap::iterator Router::Impl::DueGroup(Nanos now) {
  // A look waits for what the one before it has in flight, so that a receiver hears things in
  // order.
  auto due = groups_.end();
  for (auto group = groups_.begin(); group != groups_.end(); ++group) {
    if (group->second.next_look > now || group->second.InFlight()) continue;
    if (due == groups_.end() || group->second.next_look < due->second.next_look) due = group;
  }
  return due;
}

std::shared_ptr<Delivery> Router::Impl::DueDelivery(Nanos now) const {
  for (const auto& [key, group] : groups_) {
    for (const std::shared_ptr<Delivery>& delivery : group.deliveries) {
      if (!delivery->in_flight && delivery->next_attempt <= now) return delivery;
    }
  }
  return nullptr;
}

Nanos Router::Impl::NextDueLocked() const {
  Nanos next = kNever;
  for (const auto& [key, group] : groups_) {
    if (!group.InFlight()) next = std::min(next, group.next_look);
    for (const std::shared_ptr<Delivery>& delivery : group.deliveries) {
      if (!delivery->in_flight) next = std::min(next, delivery->next_attempt);
    }
  }
  return next;
}

Nanos Router::Impl::RunDue(Nanos now) {
  std::unique_lock lock(mutex_);
  // A clock that was set back must not leave a group waiting for its old future.
  const Nanos longest = std::max(config_.route.group_wait, config_.route.group_interval);
  for (auto& [key, group] : groups_) group.next_look = std::min(group.next_look, now + longest);
  while (true) {
    if (const auto group = DueGroup(now); group != groups_.end()) {
      Look(group, now);
      continue;
    }
    // What a look has decided is saved before anybody is told, and what was told before the next.
    Save();
    const std::shared_ptr<Delivery> delivery = DueDelivery(now);
    if (delivery == nullptr) break;
    delivery->in_flight = true;
    lock.unlock();
    const Status status = ports_.notifier.Notify(delivery->notification);
    lock.lock();
    now = std::max(now, ports_.clock.Now());
    delivery->in_flight = false;
    Finish(*delivery, status, now);
  }
  return NextDueLocked();
}

void Router::Impl::Look(GroupMap::iterator group, Nanos now) {
  auto& [key, content] = *group;
  const Nanos interval = config_.route.group_interval;
  const Nanos looked_at = content.next_look;
  content.next_look += ((now - looked_at) / interval + 1) * interval;
  content.looked_at = true;
  // What was not delivered until now is overtaken by what is told now.
  content.deliveries.clear();
  content.failed = false;
  content.told_resolved.clear();
  std::vector<Alert> alerts;
  for (const auto& [labels, alert] : content.alerts) {
    alerts.push_back(alert);
    if (alert.ResolvedAt(now)) content.told_resolved.emplace_back(labels, alert.updated_at);
  }
  SortAlerts(&alerts);
  for (size_t i = 0; i < receiver_.webhooks.size(); ++i) {
    StartDelivery(group, i, alerts, looked_at, now);
  }
  NoteGroup(key, content);
  DropExpiredLog(now);
  if (content.deliveries.empty()) CloseLook(group);
}

void Router::Impl::StartDelivery(GroupMap::iterator group, size_t integration,
                                 const std::vector<Alert>& alerts, Nanos looked_at, Nanos now) {
  const Webhook& webhook = receiver_.webhooks[integration];
  const std::string log_key = LogKey(integration, group->first);
  const LogEntry* before = FindLogEntry(log_key, now);
  News news;
  news.send_resolved = webhook.send_resolved;
  // Looks stand on a grid, and so does what is written down: a repeat comes exactly after its
  // interval, if that is a multiple of the group's.
  news.repeat_is_due =
      before != nullptr && looked_at - before->told_at >= config_.route.repeat_interval;
  GroupMessage message;
  for (const Alert& alert : alerts) {
    const bool resolved = alert.ResolvedAt(now);
    (resolved ? news.resolved : news.firing).insert(Fingerprint(alert.labels));
    if (!resolved || webhook.send_resolved) message.alerts.push_back(alert);
  }
  if (!MustTell(before, news)) return;
  LogEntry entry;
  entry.told_at = looked_at;
  entry.expires_at =
      looked_at + std::min(options_.log_retention, 2 * config_.route.repeat_interval);
  entry.firing = std::move(news.firing);
  entry.resolved = std::move(news.resolved);
  if (message.alerts.empty()) return WriteLog(log_key, std::move(entry));
  message.receiver = receiver_.name;
  message.group_key = group->first;
  message.group_labels = group->second.labels;
  message.external_url = options_.external_url;
  message.now = now;
  auto delivery = std::make_shared<Delivery>();
  delivery->group_key = group->first;
  delivery->log_key = log_key;
  delivery->entry = std::move(entry);
  delivery->notification = {webhook.url, WebhookPayload(message)};
  delivery->next_attempt = now;
  group->second.deliveries.push_back(std::move(delivery));
}

void Router::Impl::Finish(const Delivery& delivery, const Status& status, Nanos now) {
  // A group with a delivery in flight is neither looked at nor dropped, so it is still there.
  const auto group = groups_.find(delivery.group_key);
  TOCSIN_CHECK(group != groups_.end());
  AlertGroup& content = group->second;
  const auto own = std::ranges::find(content.deliveries, &delivery,
                                     [](const auto& pointer) { return pointer.get(); });
  TOCSIN_CHECK(own != content.deliveries.end());
  Delivery& mine = **own;
  ++mine.attempts;
  sent_.Add(1);
  if (status.ok()) {
    WriteLog(mine.log_key, std::move(mine.entry));
  } else {
    failed_.Add(1);
    log::Warn("notifying failed", {{"receiver", receiver_.name},
                                   {"group", delivery.group_key},
                                   {"attempt", mine.attempts},
                                   {"err", status.message()}});
    mine.next_attempt = now + Backoff(mine.attempts);
    // Later than the next look is too late: that look tells the newest state.
    if (IsWorthAnotherTry(status) && mine.next_attempt < content.next_look) return;
    content.failed = true;
  }
  content.deliveries.erase(own);
  if (content.deliveries.empty()) CloseLook(group);
}

/// Forgets the resolved alerts that everybody knows of, and the group if it has no others.
void Router::Impl::CloseLook(GroupMap::iterator group) {
  auto& [key, content] = *group;
  if (!content.failed) {
    for (const auto& [labels, updated_at] : content.told_resolved) {
      const auto alert = content.alerts.find(labels);
      // A later message about it has not been told yet.
      if (alert == content.alerts.end() || alert->second.updated_at != updated_at) continue;
      Note(AlertKey(labels), std::nullopt);
      content.alerts.erase(alert);
      --alert_count_;
    }
  }
  if (content.alerts.empty()) {
    Note(SavedGroupKey(key), std::nullopt);
    groups_.erase(group);
  } else {
    NoteGroup(key, content);
  }
}

void Router::Impl::RestoreAlert(std::string_view bytes, Nanos now) {
  Result<Alert> alert = DecodeAlert(bytes);
  if (!alert.has_value()) {
    log::Error("restoring an alert failed", {{"err", alert.error().message()}});
    return;
  }
  // It fired when it was saved: whoever says so gets the time to say so again.
  const Nanos validity = alert->ends_at - alert->updated_at;
  if (validity > 0) alert->ends_at = now + validity;
  const Labels group_labels = GroupLabels(config_.route, alert->labels);
  AlertGroup& group = GroupFor(GroupKey(group_labels), group_labels, now);
  if (group.alerts.insert_or_assign(alert->labels, *alert).second) ++alert_count_;
}

void Router::Impl::RestoreGroup(const std::string& key, std::string_view bytes, Nanos now) {
  const auto group = groups_.find(key);
  if (group == groups_.end()) return Note(SavedGroupKey(key), std::nullopt);
  const Result<SavedGroup> saved = DecodeGroup(bytes);
  if (!saved.has_value()) {
    log::Error("restoring a group of alerts failed", {{"err", saved.error().message()}});
    return;
  }
  group->second.looked_at = saved->looked_at;
  const Nanos longest = saved->looked_at ? config_.route.group_interval : config_.route.group_wait;
  // A delivery that was cut short is made again at once.
  group->second.next_look = saved->unfinished ? now : std::min(saved->next_look, now + longest);
}

Status Router::Impl::Restore(Nanos now) {
  const std::lock_guard lock(mutex_);
  auto loaded = ports_.state.Load();
  if (!loaded.has_value()) return loaded.error();
  // Ordered by key, so alerts come before the groups that they make, and the log last.
  for (const auto& [key, bytes] : *loaded) {
    if (key.starts_with(kAlertPrefix)) {
      RestoreAlert(bytes, now);
    } else if (key.starts_with(kGroupPrefix)) {
      RestoreGroup(key.substr(kGroupPrefix.size()), bytes, now);
    } else if (key.starts_with(kLogPrefix)) {
      Result<LogEntry> entry = DecodeLogEntry(bytes);
      if (entry.has_value()) log_.insert_or_assign(key, *std::move(entry));
    }
  }
  DropExpiredLog(now);
  Save();
  return {};
}

Router::Router(Config config, Options options, Ports ports)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(options), ports)) {}

Router::~Router() = default;

Status Router::Restore(Nanos now) { return impl_->Restore(now); }
Status Router::Receive(std::span<const Alert> alerts, Nanos now) {
  return impl_->Receive(alerts, now);
}
Nanos Router::RunDue(Nanos now) { return impl_->RunDue(now); }
Nanos Router::NextDue() const { return impl_->NextDue(); }

}  // namespace tocsin::alerting
