// Looking at groups, and deciding who is told what.

#include <algorithm>
#include <utility>

#include "cpp/alerting/router_impl.h"
#include "cpp/base/log.h"
#include "cpp/base/rfc3339.h"

namespace tocsin::alerting {
namespace {

// So many groups are looked at before what was decided is saved.
constexpr int kLooksPerSave = 64;
constexpr Nanos kGaugeInterval = 5 * kSecond;
constexpr std::string_view kTemplateBrace = "{{";

/// How long an entry is worth remembering: a repeat that is due must find it.
Nanos LifeTime(const routing::Route& route, Nanos retention) {
  return std::min(retention, 2 * route.repeat_interval);
}

std::string Joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

}  // namespace

/// A clock that was set back must not leave a group waiting for its old future.
void Router::Impl::TakeUpClock(Nanos now) {
  // Threads that ask the time side by side may come in the wrong order.
  const bool set_back = now < latest_ - kSecond;
  latest_ = set_back ? now : std::max(latest_, now);
  if (!set_back) return;
  // Otherwise all that is said about them until then would be taken for old.
  for (const auto& [labels, seen] : table_.alerts()) {
    Alert& alert = table_.FindAlert(labels)->alert;
    alert.updated_at = std::min(alert.updated_at, now);
  }
  for (const auto& [id, seen] : table_.groups()) {
    AlertGroup* group = table_.FindGroup(id);
    const Nanos longest = std::max(group->route->group_wait, group->route->group_interval);
    group->next_look = std::min(group->next_look, now + longest);
    group->repeat_at = 0;
    table_.Schedule(group);
    for (const std::shared_ptr<Delivery>& delivery : group->deliveries) {
      if (delivery->in_flight || delivery->given_up) continue;
      delivery->next_attempt = std::min(delivery->next_attempt, now + kMinute);
      queue_.Put(delivery);
    }
  }
}

Nanos Router::Impl::Look(Nanos now) {
  const std::lock_guard lock(mutex_);
  TakeUpClock(now);
  for (int count = 1; AlertGroup* group = table_.Due(now); ++count) {
    LookAt(group, now);
    if (count % kLooksPerSave == 0) journal_.Save();
  }
  log_.Sweep(now);
  // What is decided is saved before anybody is told: nobody can deliver while this holds the lock.
  journal_.Save();
  SetGauges(now);
  return table_.NextLook().value_or(kNever);
}

/// Sorts out what may not be told, and says why if nothing is left.
void Router::Impl::CollectAlerts(Glance* glance) {
  AlertGroup& group = *glance->group;
  Suppression& suppression = setup_->suppression;
  const Suppression::Muted muted = suppression.MutedBy(*group.route, glance->now);
  size_t inhibited = 0;
  size_t silenced = 0;
  for (StoredAlert* stored : group.alerts) {
    const Labels& labels = stored->alert.labels;
    stored->looked_at = true;
    stored->suppressed = true;
    if (!suppression.InhibitedBy(labels, glance->now).empty()) {
      ++inhibited;
    } else if (!suppression.SilencedBy(labels, glance->now).empty()) {
      ++silenced;
    } else {
      stored->suppressed = !muted.by.empty();
      glance->message.alerts.push_back(stored->alert);
    }
  }
  metrics_.Suppressed("inhibition", inhibited);
  metrics_.Suppressed("silence", silenced);
  if (!muted.by.empty()) {
    metrics_.Suppressed(muted.inactive ? "active_time_interval" : "mute_time_interval",
                        glance->message.alerts.size());
    glance->message.alerts.clear();
    group.silent_because =
        (muted.inactive ? "outside of active time interval " : "muted by time interval ") +
        Joined(muted.by);
  } else if (glance->message.alerts.empty()) {
    group.silent_because = silenced == 0    ? "all alerts are inhibited"
                           : inhibited == 0 ? "all alerts are silenced"
                                            : "all alerts are silenced or inhibited";
  }
  SortAlerts(&glance->message.alerts);
}

void Router::Impl::LookAt(AlertGroup* group, Nanos now) {
  Glance glance;
  glance.group = group;
  glance.now = now;
  glance.due = group->agenda_at;
  const Nanos interval = group->route->group_interval;
  // Looks that were missed are one, the last of them.
  if (now > glance.due) glance.due += (now - glance.due) / interval * interval;
  if (group->next_look <= now) {
    group->next_look += ((now - group->next_look) / interval + 1) * interval;
  }
  group->looked_at = true;
  group->last_look = now;
  GroupMessage& message = glance.message;
  message.receiver = group->receiver->name;
  message.group_key = group->id.first;
  message.group_labels = group->labels;
  message.external_url = options_.external_url;
  message.now = now;
  CollectAlerts(&glance);
  bool told = false;
  if (message.alerts.empty()) {
    for (const auto& delivery : std::vector(group->deliveries)) Withdraw(group, delivery);
  } else {
    message.route_labels = setup_->templates.RouteLabels(group->route->labels, message);
    group->silent_because = "receiver \"" + group->receiver->name + "\" has no integrations";
    for (size_t i = 0; i < group->receiver->webhooks.size(); ++i) told |= Tell(glance, i);
  }
  if (told) group->silent_because.clear();
  NoteGroup(*group);
  CloseLook(group, now);
}

/// Decides for one integration; whether it is told anything.
bool Router::Impl::Tell(const Glance& glance, size_t integration) {
  AlertGroup& group = *glance.group;
  const routing::Webhook& webhook = group.receiver->webhooks[integration];
  const std::string log_key = LogKeyOf(group, integration);
  const LogEntry* before = log_.Find(log_key, glance.now);
  News news;
  news.send_resolved = webhook.send_resolved;
  // Looks stand on a grid, and so does what is written down: a repeat comes exactly after its
  // interval, if that is a multiple of the group's.
  news.repeat_is_due = before != nullptr && before->told_at > 0 &&
                       glance.due - before->told_at >= group.route->repeat_interval;
  for (const Alert& alert : glance.message.alerts) {
    (alert.ResolvedAt(glance.now) ? news.resolved : news.firing).insert(Fingerprint(alert.labels));
  }
  const Reason reason = ReasonToTell(before, news);
  const std::shared_ptr<Delivery> pending = group.DeliveryTo(integration);
  if (reason == Reason::kNone) {
    if (pending != nullptr) Withdraw(&group, pending);
    group.silent_because = before == nullptr || before->told_at == 0
                               ? "all was resolved before anybody was told"
                               : "nothing has changed since " + FormatRfc3339(before->told_at);
    return false;
  }
  LogEntry entry;
  entry.told_at = glance.due;
  entry.expires_at = glance.due + LifeTime(*group.route, options_.log_retention);
  entry.firing = std::move(news.firing);
  entry.resolved = std::move(news.resolved);
  // Of those that may not be told now it still is to be known that their end must be.
  for (const StoredAlert* stored : group.alerts) {
    const uint64_t fingerprint = stored->fingerprint;
    const bool is_told = entry.firing.contains(fingerprint) || entry.resolved.contains(fingerprint);
    if (is_told || before == nullptr || !before->MayBelieveFiring(fingerprint)) continue;
    entry.attempted.insert(fingerprint);
  }
  if (entry.firing.empty() && !webhook.send_resolved) {
    if (pending != nullptr) Withdraw(&group, pending);
    group.silent_because = "nothing fires, and the receiver wants no resolved alerts";
    log_.Write(log_key, std::move(entry));
    return false;
  }
  Result<Notification> composed = Compose(glance, integration, reason);
  if (!composed.has_value()) {
    log::Error("a notification cannot be composed", {{"receiver", group.receiver->name},
                                                     {"group", group.id.first},
                                                     {"err", composed.error().message()}});
    metrics_.Decided(group.receiver->name);
    metrics_.Failed(group.receiver->name, FailureReason::kOther);
    group.silent_because = std::string(composed.error().message());
    return false;
  }
  Remember(glance, integration, entry);
  Start(glance, *std::move(composed), std::move(entry));
  return true;
}

Result<Notification> Router::Impl::Compose(const Glance& glance, size_t integration,
                                           Reason reason) const {
  const routing::Webhook& webhook = glance.group->receiver->webhooks[integration];
  GroupMessage message = glance.message;
  message.reason = ReasonName(reason);
  if (!webhook.send_resolved) {
    std::erase_if(message.alerts,
                  [&](const Alert& alert) { return alert.ResolvedAt(message.now); });
  }
  if (webhook.max_alerts > 0 && message.alerts.size() > webhook.max_alerts) {
    message.truncated = message.alerts.size() - webhook.max_alerts;
    message.alerts.resize(webhook.max_alerts);
  }
  Notification notification;
  notification.receiver = glance.group->receiver->name;
  notification.integration = integration;
  const NotificationTemplates& templates = setup_->templates;
  if (webhook.payload.empty()) {
    notification.body = WebhookPayload(message);
  } else {
    TOCSIN_ASSIGN_OR_RETURN(notification.body, templates.ExpandPayload(webhook.payload, message));
  }
  TOCSIN_ASSIGN_OR_RETURN(notification.url, UrlOf(webhook, message));
  return notification;
}

Result<std::string> Router::Impl::UrlOf(const routing::Webhook& webhook,
                                        const GroupMessage& message) const {
  std::string url = webhook.url.value;
  if (!webhook.url.file.empty() && options_.read_secret) {
    // One that cannot be read now is read again, and complained about, when it is needed.
    url = options_.read_secret(webhook.url).value_or("");
  }
  if (url.find(kTemplateBrace) == std::string::npos) return std::string();
  TOCSIN_ASSIGN_OR_RETURN(url, setup_->templates.Expand(url, message));
  if (url.empty()) return InvalidArgumentError("the url is empty when expanded");
  return url;
}

/// Writes down what the receiver may come to believe, from the first attempt on.
void Router::Impl::Remember(const Glance& glance, size_t integration, const LogEntry& entry) {
  const std::string log_key = LogKeyOf(*glance.group, integration);
  const LogEntry* before = log_.Find(log_key, glance.now);
  LogEntry marked = before == nullptr ? LogEntry() : *before;
  const size_t believed = marked.attempted.size();
  for (const uint64_t fingerprint : entry.firing) {
    if (!marked.firing.contains(fingerprint)) marked.attempted.insert(fingerprint);
  }
  // The receiver may have heard of the end: should it fire again, that is news.
  if (glance.group->receiver->webhooks[integration].send_resolved) {
    for (const uint64_t fingerprint : entry.resolved) {
      if (marked.firing.erase(fingerprint) > 0) marked.attempted.insert(fingerprint);
    }
  }
  // During a long outage the entry must outlive what it was made for.
  const Nanos half = LifeTime(*glance.group->route, options_.log_retention) / 2;
  const bool fades = marked.expires_at - glance.now < half;
  if (marked.attempted.size() == believed && !fades) return;
  marked.expires_at = std::max(marked.expires_at, entry.expires_at);
  log_.Write(log_key, std::move(marked));
}

/// Puts a message into the outbox, or goes on with the one that is there if it says the same.
void Router::Impl::Start(const Glance& glance, Notification notification, LogEntry entry) {
  AlertGroup& group = *glance.group;
  std::shared_ptr<Delivery> delivery = group.DeliveryTo(notification.integration);
  const bool goes_on = delivery != nullptr && delivery->notification.body == notification.body &&
                       delivery->notification.url == notification.url;
  if (!goes_on) {
    const Nanos not_before = delivery == nullptr ? 0 : delivery->not_before;
    if (delivery != nullptr) Withdraw(&group, delivery);
    notification.idempotency_key = IdempotencyKey(notification, group.id.first, glance.now);
    delivery = std::make_shared<Delivery>();
    delivery->group_key = group.id.first;
    delivery->notification = std::move(notification);
    delivery->not_before = not_before;
    group.deliveries.push_back(delivery);
  }
  delivery->entry = std::move(entry);
  delivery->attempts = 0;
  delivery->given_up = false;
  delivery->deadline = group.next_look;
  delivery->next_attempt = std::max(glance.now, delivery->not_before);
  journal_.Set(OutboxKey(*delivery), EncodeDelivery(*delivery));
  queue_.Put(delivery);
  metrics_.Decided(group.receiver->name);
}

void Router::Impl::Withdraw(AlertGroup* group, const std::shared_ptr<Delivery>& delivery) {
  queue_.Remove(delivery);
  journal_.Erase(OutboxKey(*delivery));
  delivery->is_overtaken = true;
  std::erase(group->deliveries, delivery);
}

bool Router::Impl::IsOwed(const AlertGroup& group, uint64_t fingerprint, Nanos now) const {
  for (size_t i = 0; i < group.receiver->webhooks.size(); ++i) {
    if (!group.receiver->webhooks[i].send_resolved) continue;
    const LogEntry* entry = log_.Find(LogKeyOf(group, i), now);
    if (entry != nullptr && entry->MayBelieveFiring(fingerprint)) return true;
  }
  return false;
}

Nanos Router::Impl::ExactRepeat(const AlertGroup& group, Nanos now) const {
  if (!setup_->config.exact_repeat) return 0;
  Nanos first = 0;
  for (size_t i = 0; i < group.receiver->webhooks.size(); ++i) {
    const LogEntry* entry = log_.Find(LogKeyOf(group, i), now);
    if (entry == nullptr || entry->told_at == 0 || entry->firing.empty()) continue;
    const Nanos due = entry->told_at + group.route->repeat_interval;
    // If it is past it was decided then, and left to the looks that follow.
    if (due > group.last_look && (first == 0 || due < first)) first = due;
  }
  return first;
}

void Router::Impl::CloseLook(AlertGroup* group, Nanos now) {
  const Nanos looked = group->last_look;
  for (StoredAlert* stored : std::vector(group->alerts.begin(), group->alerts.end())) {
    const Alert& alert = stored->alert;
    // What was resolved only since then has not been decided upon.
    if (!alert.ResolvedAt(looked) || alert.updated_at > looked || stored->received_at > looked) {
      continue;
    }
    if (!IsOwed(*group, stored->fingerprint, now)) Forget(group, stored);
  }
  if (group->alerts.empty() && group->deliveries.empty()) {
    journal_.Erase(GroupStateKey(group->id));
    table_.EraseGroup(group);
    return;
  }
  group->repeat_at = ExactRepeat(*group, now);
  table_.Schedule(group);
}

void Router::Impl::SetGauges(Nanos now) {
  if (now >= counted_at_ && now - counted_at_ < kGaugeInterval) return;
  counted_at_ = now;
  size_t active = 0;
  size_t suppressed = 0;
  size_t unprocessed = 0;
  for (const auto& [labels, stored] : table_.alerts()) {
    if (stored.alert.ResolvedAt(now)) continue;
    ++(!stored.looked_at ? unprocessed : stored.suppressed ? suppressed : active);
  }
  metrics_.SetAlerts(active, suppressed, unprocessed);
  metrics_.SetGroups(table_.groups().size());
  size_t deliveries = 0;
  for (const auto& [id, group] : table_.groups()) deliveries += group.deliveries.size();
  metrics_.SetOutbox(deliveries);
}

}  // namespace tocsin::alerting
