// Taking alerts, and the router's public face.

#include "cpp/alerting/router.h"

#include <algorithm>
#include <utility>

#include "cpp/alerting/router_impl.h"
#include "cpp/base/log.h"

namespace tocsin::alerting {
namespace {

/// Whether two messages differ in more than how long the alert holds, which is not worth a write.
bool IsNews(const Alert& before, const Alert& after, Nanos now) {
  return before.ResolvedAt(now) || after.ResolvedAt(now) || before.starts_at != after.starts_at ||
         before.annotations != after.annotations || before.generator_url != after.generator_url;
}

void FillIn(Alert* alert, Nanos resolve_timeout, Nanos now) {
  if (alert->updated_at == 0) alert->updated_at = now;
  if (alert->starts_at == 0) alert->starts_at = alert->ends_at == 0 ? now : alert->ends_at;
  if (alert->ends_at != 0) return;
  alert->ends_at = now + resolve_timeout;
  alert->is_timeout = true;
}

}  // namespace

Result<std::unique_ptr<Setup>> Setup::Make(routing::Config config, const Silences& silences) {
  TOCSIN_RETURN_IF_ERROR(routing::Finish(&config));
  TOCSIN_ASSIGN_OR_RETURN(NotificationTemplates templates,
                          NotificationTemplates::Load(config.template_files));
  for (const routing::Receiver& receiver : config.receivers) {
    for (const routing::Webhook& webhook : receiver.webhooks) {
      const std::string where = "a webhook of receiver \"" + receiver.name + "\": ";
      if (!webhook.url.given()) return InvalidArgumentError(where + "there is no url");
      if (const Status url = templates.Check(webhook.url.value); !url.ok()) {
        return Failure(url.WithContext(where + "url"));
      }
      if (const Status payload = templates.CheckPayload(webhook.payload); !payload.ok()) {
        return Failure(payload.WithContext(where + "payload"));
      }
    }
  }
  return std::make_unique<Setup>(std::move(config), std::move(templates), silences);
}

const routing::Receiver* Setup::FindReceiver(std::string_view name) const {
  const auto it = std::ranges::find(config.receivers, name, &routing::Receiver::name);
  return it == config.receivers.end() ? nullptr : &*it;
}

Router::Impl::Impl(std::unique_ptr<Setup> setup, Options options, Ports ports)
    : options_(std::move(options)),
      ports_(ports),
      setup_(std::move(setup)),
      metrics_(&ports.telemetry),
      journal_(&ports.state),
      log_(&journal_),
      queue_(options_.deliveries_at_once) {
  metrics_.Announce(setup_->config);
}

void Router::Impl::NoteAlert(const Alert& alert) {
  journal_.Set("alert/" + alert.labels.ToString(), EncodeAlert(alert));
}

void Router::Impl::NoteGroup(const AlertGroup& group) {
  journal_.Set(GroupStateKey(group.id), EncodeGroup({group.next_look, group.looked_at}));
}

void Router::Impl::EraseAlert(StoredAlert* stored) {
  setup_->suppression.Forget(stored->alert.labels);
  journal_.Erase("alert/" + stored->alert.labels.ToString());
  table_.EraseAlert(stored);
}

void Router::Impl::Forget(AlertGroup* group, StoredAlert* stored) {
  if (GroupTable::Detach(group, stored)) EraseAlert(stored);
}

bool Router::Impl::MayBelieveFiring(const AlertGroup& group, uint64_t fingerprint,
                                    Nanos now) const {
  for (size_t i = 0; i < group.receiver->webhooks.size(); ++i) {
    const LogEntry* entry = log_.Find(LogKeyOf(group, i), now);
    if (entry != nullptr && entry->MayBelieveFiring(fingerprint)) return true;
  }
  return false;
}

AlertGroup* Router::Impl::GroupFor(const routing::Route& route, const GroupId& id, Labels labels,
                                   Nanos now) {
  AlertGroup* group =
      table_.AddGroup(id, &route, setup_->FindReceiver(route.receiver), std::move(labels));
  group->next_look = now + route.group_wait;
  if (const auto before = retired_.find(id); before != retired_.end()) {
    CarryOver(&before->second, now);
  }
  return group;
}

void Router::Impl::Place(StoredAlert* stored, Nanos now) {
  const Alert& alert = stored->alert;
  const bool resolved = alert.ResolvedAt(now);
  for (const routing::Route* route : RoutesOf(alert.labels)) {
    Labels labels = GroupLabels(*route, alert.labels);
    const GroupId id{GroupKey(*route, labels), route->receiver};
    AlertGroup* group = table_.FindGroup(id);
    const bool made = group == nullptr;
    if (made) group = GroupFor(*route, id, std::move(labels), now);
    // The end of what nobody was told of is no news.
    const auto before = retired_.find(id);
    const bool was_there = group->alerts.contains(stored) ||
                           (before != retired_.end() && before->second.alerts.contains(stored));
    if (!resolved || was_there || MayBelieveFiring(*group, stored->fingerprint, now)) {
      GroupTable::Attach(group, stored);
    }
    if (group->alerts.empty() && group->deliveries.empty()) {
      table_.EraseGroup(group);
      continue;
    }
    if (!group->looked_at && !resolved && alert.starts_at + route->group_wait < now) {
      group->next_look = now;
    }
    if (made) NoteGroup(*group);
    table_.Schedule(group);
  }
}

/// False if there is no room for it.
bool Router::Impl::Take(Alert alert, Nanos now) {
  FillIn(&alert, setup_->config.resolve_timeout, now);
  const StoredAlert* known = table_.FindAlert(alert.labels);
  bool news = true;
  if (known != nullptr) {
    const Alert& before = known->alert;
    if (before.updated_at > alert.updated_at) return true;
    if (!before.ResolvedAt(now)) {
      alert.starts_at = std::min(before.starts_at, alert.starts_at);
      // An end that was said holds, until it is reached, unless a later one or the end itself is.
      const bool holds = !before.is_timeout && !alert.ResolvedAt(now);
      if (holds) alert.ends_at = std::max(alert.ends_at, before.ends_at);
    }
    news = IsNews(before, alert, now);
  } else if (table_.alerts().size() >= options_.alerts_max) {
    return alert.ResolvedAt(now);
  }
  StoredAlert* stored = table_.PutAlert(std::move(alert));
  stored->received_at = now;
  Place(stored, now);
  if (stored->groups == 0) {
    table_.EraseAlert(stored);
    return true;
  }
  setup_->suppression.Update(stored->alert);
  if (news) NoteAlert(stored->alert);
  return true;
}

Status Router::Impl::Receive(std::span<const Alert> alerts, Nanos now) {
  const std::lock_guard lock(mutex_);
  TakeUpClock(now);
  size_t refused = 0;
  for (const Alert& alert : alerts) {
    if (!Take(alert, now)) ++refused;
  }
  journal_.Save();
  if (refused == 0) return {};
  metrics_.Refused(refused);
  return ResourceExhaustedError(std::to_string(refused) + " alerts were refused: there are " +
                                std::to_string(options_.alerts_max) + " already");
}

Nanos Router::Impl::NextLocked() const {
  return std::min(table_.NextLook().value_or(kNever), queue_.Next().value_or(kNever));
}

Nanos Router::Impl::NextDue() const {
  const std::lock_guard lock(mutex_);
  return NextLocked();
}

Nanos Router::Impl::NextDelivery() const {
  const std::lock_guard lock(mutex_);
  return queue_.Next().value_or(kNever);
}

Nanos Router::Impl::RunDue(Nanos now) {
  Nanos next = now;
  while (next <= now) {
    Look(now);
    Deliver(now);
    now = std::max(now, ports_.clock.Now());
    next = NextDue();
  }
  return next;
}

Router::Router(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Router::~Router() = default;

Result<std::unique_ptr<Router>> Router::Make(routing::Config config, Options options, Ports ports) {
  TOCSIN_ASSIGN_OR_RETURN(std::unique_ptr<Setup> setup,
                          Setup::Make(std::move(config), ports.silences));
  return std::unique_ptr<Router>(
      new Router(std::make_unique<Impl>(std::move(setup), std::move(options), ports)));
}

Status Router::Restore(Nanos now) { return impl_->Restore(now); }
Status Router::Reload(routing::Config config, Nanos now) {
  return impl_->Reload(std::move(config), now);
}
Status Router::Receive(std::span<const Alert> alerts, Nanos now) {
  return impl_->Receive(alerts, now);
}
Nanos Router::Look(Nanos now) { return impl_->Look(now); }
Nanos Router::Deliver(Nanos now) { return impl_->Deliver(now); }
Nanos Router::RunDue(Nanos now) { return impl_->RunDue(now); }
Nanos Router::NextDue() const { return impl_->NextDue(); }
Nanos Router::NextDelivery() const { return impl_->NextDelivery(); }
std::vector<AlertView> Router::Alerts(const ViewFilter& filter, Nanos now) const {
  return impl_->Alerts(filter, now);
}
std::vector<GroupView> Router::Groups(const ViewFilter& filter, Nanos now) const {
  return impl_->Groups(filter, now);
}
std::vector<std::string> Router::Receivers() const { return impl_->Receivers(); }
std::string Router::OriginalConfig() const { return impl_->OriginalConfig(); }

}  // namespace tocsin::alerting
