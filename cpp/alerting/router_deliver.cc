// Delivering what is in the outbox.

#include <algorithm>

#include "cpp/alerting/router_impl.h"
#include "cpp/base/log.h"

namespace tocsin::alerting {
namespace {

// An attempt may take so long even where the next look is nearer.
constexpr Nanos kShortestTimeout = 10 * kSecond;

}  // namespace

/// What depends on the time of the attempt.
void Router::Impl::Prepare(Delivery* delivery, Nanos now) const {
  Notification& notification = delivery->notification;
  notification.timeout = std::max(delivery->deadline - now, kShortestTimeout);
  const routing::Receiver* receiver = setup_->FindReceiver(notification.receiver);
  if (receiver == nullptr || notification.integration >= receiver->webhooks.size()) return;
  const Nanos configured = receiver->webhooks[notification.integration].timeout;
  if (configured > 0) notification.timeout = std::min(notification.timeout, configured);
}

Nanos Router::Impl::Deliver(Nanos now) {
  std::unique_lock lock(mutex_);
  while (const std::shared_ptr<Delivery> delivery = queue_.Take(now)) {
    // Until this has landed its group is not looked at: what is under way is not decided anew.
    const GroupId id{delivery->group_key, delivery->notification.receiver};
    if (AlertGroup* group = table_.FindGroup(id)) table_.Schedule(group);
    Prepare(delivery.get(), now);
    // Nobody else writes to a delivery in flight.
    lock.unlock();
    const Nanos begin = ports_.clock.Now();
    const NotifyOutcome outcome = ports_.notifier.Notify(delivery->notification);
    const Nanos end = ports_.clock.Now();
    lock.lock();
    now = std::max(now, end);
    queue_.Land(delivery);
    metrics_.Attempted(delivery->notification.receiver, outcome, end - begin);
    Finish(delivery, outcome, now);
    journal_.Save();
    if (options_.look_is_due && table_.NextLook().value_or(kNever) <= now) options_.look_is_due();
  }
  return queue_.Next().value_or(kNever);
}

void Router::Impl::Finish(const std::shared_ptr<Delivery>& delivery, const NotifyOutcome& outcome,
                          Nanos now) {
  const Notification& notification = delivery->notification;
  delivery->restored = false;
  const std::string log_key =
      LogKey(notification.receiver, notification.integration, delivery->group_key);
  AlertGroup* group = table_.FindGroup({delivery->group_key, notification.receiver});
  if (delivery->is_overtaken || group == nullptr) {
    // By another configuration, in which nobody tells this any more; but it is good to know, unless
    // the receiver has heard newer things.
    const LogEntry* newer = log_.Find(log_key, now);
    const bool is_news = newer == nullptr || newer->told_at < delivery->entry.told_at;
    if (outcome.status.ok() && is_news) log_.Write(log_key, delivery->entry);
    return;
  }
  if (!outcome.status.ok()) {
    TryAgain(group, delivery, outcome, now);
    table_.Schedule(group);
    return;
  }
  log_.Write(log_key, delivery->entry);
  journal_.Erase(OutboxKey(*delivery));
  std::erase(group->deliveries, delivery);
  CloseLook(group, now);
}

void Router::Impl::TryAgain(AlertGroup* group, const std::shared_ptr<Delivery>& delivery,
                            const NotifyOutcome& outcome, Nanos now) {
  const std::string& receiver = delivery->notification.receiver;
  ++delivery->attempts;
  log::Warn("notifying failed", {{"receiver", receiver},
                                 {"integration", delivery->notification.integration},
                                 {"group", delivery->group_key},
                                 {"attempt", delivery->attempts},
                                 {"err", outcome.status.message()}});
  if (outcome.retry_after > 0) delivery->not_before = now + outcome.retry_after;
  delivery->next_attempt = std::max(now + Backoff(delivery->attempts), delivery->not_before);
  // Later than the next look is too late: that look decides anew.
  if (outcome.worth_another_try && delivery->next_attempt < group->next_look) {
    queue_.Put(delivery);
    return;
  }
  delivery->given_up = true;
  metrics_.Failed(receiver, outcome.reason);
}

}  // namespace tocsin::alerting
