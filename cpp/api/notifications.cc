#include "cpp/api/notifications.h"

#include <algorithm>
#include <utility>

#include "cpp/api/prometheus_json.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

// How soon a client's leaving is seen, and how often one that is silent hears that we are there.
constexpr std::chrono::milliseconds kLook{1'000};
constexpr int kLooksBetweenBeats = 15;

void Write(const Notification& notification, JsonWriter* w) {
  w->BeginObject().Key("text").String(notification.text);
  w->Key("date").String(FormatRfc3339(notification.date));
  w->Key("active").Bool(notification.active).EndObject();
}

std::string EventsOf(const std::vector<Notification>& news) {
  std::string text;
  for (const Notification& notification : news) {
    JsonWriter w;
    Write(notification, &w);
    text.append("data: ").append(w.text()).append("\n\n");
  }
  return text;
}

http::Response List(const Notifications& notifications) {
  JsonWriter w;
  w.BeginArray();
  for (const Notification& notification : notifications.Active()) Write(notification, &w);
  w.EndArray();
  return PrometheusSuccess(w.text());
}

// Until there is nothing more to hear, or nobody who hears it.
bool WriteEvents(Notifications::Listener* listener, const std::function<bool()>& is_gone,
                 const http::BodyWriter& write) {
  constexpr std::string_view kBeat = ":\n\n";  // A comment.
  int silent = 0;
  while (const auto news = listener->Next(kLook)) {
    if (is_gone && is_gone()) return false;
    if (news->empty() && ++silent < kLooksBetweenBeats) continue;
    silent = 0;
    if (!write(news->empty() ? kBeat : EventsOf(*news))) return false;
  }
  return true;
}

http::Response Live(Notifications* notifications, const http::Request& request) {
  const std::shared_ptr<Notifications::Listener> listener = notifications->Listen();
  if (listener == nullptr) return http::Response{.status = 204};
  http::Response response;
  response.Set("Content-Type", "text/event-stream").Set("Cache-Control", "no-cache");
  response.stream = [listener, is_gone = request.cancelled](const http::BodyWriter& write) {
    return WriteEvents(listener.get(), is_gone, write);
  };
  return response;
}

}  // namespace

Notifications::Notifications(size_t max_listeners, const Clock* clock, Telemetry* telemetry)
    : max_listeners_(max_listeners),
      clock_(*clock),
      listening_(telemetry->GetGauge("prometheus_api_notification_active_subscribers",
                                     "Clients that listen to notifications.")),
      sent_(telemetry->GetCounter("prometheus_api_notification_updates_sent_total",
                                  "News of notifications, for every client that listened.")),
      dropped_(telemetry->GetCounter(
          "prometheus_api_notification_updates_dropped_total",
          "News that newer ones of the same notification have overtaken on their way.")) {
  listening_.Set(0);
}

Notifications::~Notifications() = default;

void Notifications::Raise(std::string_view text) {
  const std::lock_guard lock(mutex_);
  auto found = std::ranges::find(active_, text, &Notification::text);
  if (found == active_.end()) {
    found = active_.insert(found, {.text = std::string(text)});
  }
  found->date = clock_.Now();
  Tell(*found);
}

void Notifications::Settle(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(active_, text, &Notification::text);
  if (found == active_.end()) return;
  found->active = false;
  Tell(*found);
  active_.erase(found);
}

void Notifications::Tell(const Notification& news) {
  for (Listener* listener : listeners_) {
    sent_.Add(1);
    const auto overtaken = std::erase_if(
        listener->pending_, [&](const Notification& old) { return old.text == news.text; });
    dropped_.Add(static_cast<double>(overtaken));
    listener->pending_.push_back(news);
  }
  changed_.notify_all();
}

std::vector<Notification> Notifications::Active() const {
  const std::lock_guard lock(mutex_);
  return active_;
}

std::unique_ptr<Notifications::Listener> Notifications::Listen() {
  const std::lock_guard lock(mutex_);
  if (closed_ || listeners_.size() >= max_listeners_) return nullptr;
  auto listener = std::make_unique<Listener>(this);
  listener->pending_ = active_;
  listeners_.push_back(listener.get());
  listening_.Set(static_cast<double>(listeners_.size()));
  return listener;
}

void Notifications::Remove(const Listener* listener) {
  const std::lock_guard lock(mutex_);
  std::erase(listeners_, listener);
  listening_.Set(static_cast<double>(listeners_.size()));
}

void Notifications::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

std::optional<std::vector<Notification>> Notifications::Listener::Next(
    std::chrono::milliseconds patience) {
  std::unique_lock lock(notifications_.mutex_);
  notifications_.changed_.wait_for(lock, patience,
                                   [this] { return !pending_.empty() || notifications_.closed_; });
  if (pending_.empty() && notifications_.closed_) return std::nullopt;
  return std::exchange(pending_, {});
}

void RegisterNotifications(Notifications* notifications, http::Router* router) {
  router->Handle("GET", "/api/v1/notifications",
                 [notifications](const http::Request&) { return List(*notifications); });
  router->Handle(
      "GET", "/api/v1/notifications/live",
      [notifications](const http::Request& request) { return Live(notifications, request); });
}

}  // namespace tocsin::api
