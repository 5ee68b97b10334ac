#include "cpp/deliver/alertmanager.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <pthread.h>

#include "cpp/base/log.h"
#include "cpp/base/rfc3339.h"
#include "cpp/base/version.h"
#include "cpp/lib/json.h"

namespace tocsin::deliver {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 10;

}  // namespace

std::string AlertsJson(std::span<const Alert> alerts) {
  lib::JsonWriter w;
  w.BeginArray();
  for (const Alert& alert : alerts) {
    w.BeginObject().Key("labels").BeginObject();
    for (const auto& [name, value] : alert.labels) w.Key(name).String(value);
    w.EndObject().Key("annotations").BeginObject();
    for (const auto& [name, value] : alert.annotations) w.Key(name).String(value);
    w.EndObject();
    w.Key("startsAt").String(FormatRfc3339(alert.starts_at));
    w.Key("endsAt").String(FormatRfc3339(alert.ends_at));
    w.Key("generatorURL").String(alert.generator_url).EndObject();
  }
  w.EndArray();
  return std::move(w).Take();
}

AlertmanagerClient::AlertmanagerClient(AlertmanagerOptions options, http::FetchFunction fetch,
                                       Telemetry* telemetry)
    : options_(std::move(options)),
      fetch_(std::move(fetch)),
      sent_(telemetry->GetCounter("prometheus_notifications_sent_total",
                                  "Alerts sent, by Alertmanager.",
                                  {{"alertmanager", options_.url}})),
      dropped_(telemetry->GetCounter("prometheus_notifications_dropped_total",
                                     "Alerts dropped because they could not be delivered or the "
                                     "queue was full.",
                                     {{"alertmanager", options_.url}})),
      errors_(telemetry->GetCounter("prometheus_notifications_errors_total",
                                    "Alerts that failed to be delivered, by Alertmanager.",
                                    {{"alertmanager", options_.url}})),
      thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "alertmanager");
}

AlertmanagerClient::~AlertmanagerClient() { Stop(); }

void AlertmanagerClient::Send(std::span<const Alert> alerts) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.insert(queue_.end(), alerts.begin(), alerts.end());
    if (queue_.size() > options_.queue_capacity) {
      const size_t surplus = queue_.size() - options_.queue_capacity;
      dropped_.Add(static_cast<double>(surplus));
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(surplus));
    }
  }
  changed_.notify_one();
}

void AlertmanagerClient::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void AlertmanagerClient::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), options_.batch_size));
    const std::vector<Alert> batch(std::make_move_iterator(queue_.begin()),
                                   std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    lock.unlock();
    const bool delivered = Deliver(batch);
    lock.lock();
    if (stopping_ && !delivered) return;  // The end of the process does not wait for a dead peer.
  }
}

bool AlertmanagerClient::Deliver(const std::vector<Alert>& batch) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "Tocsin/" + std::string(Version())}};
  request.body = AlertsJson(batch);
  request.timeout = options_.timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  const Result<http::Response> response = fetch_(request);
  const auto count = static_cast<double>(batch.size());
  if (response && response->status / 100 == 2) {
    sent_.Add(count);
    return true;
  }
  errors_.Add(count);
  dropped_.Add(count);
  log::Warn("alerts not delivered", {{"url", options_.url},
                                     {"alerts", static_cast<uint64_t>(batch.size())},
                                     {"error", response ? "HTTP " + std::to_string(response->status)
                                                        : response.error().ToString()}});
  return false;
}

}  // namespace tocsin::deliver
