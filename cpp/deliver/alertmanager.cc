#include "cpp/deliver/alertmanager.h"

#include <algorithm>
#include <cstdint>
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

Telemetry::MetricLabels Label(const AlertmanagerOptions& options) {
  return {{"alertmanager", options.url}};
}

}  // namespace

std::string AlertsJson(std::span<const SharedAlert> alerts) {
  lib::JsonWriter w;
  w.BeginArray();
  for (const SharedAlert& alert : alerts) {
    w.BeginObject().Key("labels").BeginObject();
    for (const auto& [name, value] : alert->labels) w.Key(name).String(value);
    w.EndObject().Key("annotations").BeginObject();
    for (const auto& [name, value] : alert->annotations) w.Key(name).String(value);
    w.EndObject();
    w.Key("startsAt").String(FormatRfc3339Millis(alert->starts_at));
    w.Key("endsAt").String(FormatRfc3339Millis(alert->ends_at));
    w.Key("generatorURL").String(alert->generator_url).EndObject();
  }
  w.EndArray();
  return std::move(w).Take();
}

AlertmanagerClient::AlertmanagerClient(AlertmanagerOptions options, http::FetchFunction fetch,
                                       Telemetry* telemetry)
    : options_(std::move(options)),
      fetch_(std::move(fetch)),
      sent_(telemetry->GetCounter("prometheus_notifications_sent_total",
                                  "Alerts sent, by Alertmanager.", Label(options_))),
      dropped_(telemetry->GetCounter("prometheus_notifications_dropped_total",
                                     "Alerts dropped because they could not be delivered or the "
                                     "queue was full.",
                                     Label(options_))),
      errors_(telemetry->GetCounter("prometheus_notifications_errors_total",
                                    "Alerts that failed to be delivered, by Alertmanager.",
                                    Label(options_))),
      queue_length_(telemetry->GetGauge("prometheus_notifications_queue_length",
                                        "Alerts that wait, by Alertmanager.", Label(options_))),
      latency_(telemetry->GetHistogram("prometheus_notifications_latency_histogram_seconds",
                                       "How long Alertmanagers take to take alerts.",
                                       {.01, .1, 1, 10}, Label(options_))),
      latency_quantiles_(telemetry->GetSummary("prometheus_notifications_latency_seconds",
                                               "How long Alertmanagers take to take alerts.",
                                               {.5, .9, .99}, Label(options_))),
      thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "alertmanager");
}

AlertmanagerClient::~AlertmanagerClient() {
  BeginStop();
  thread_.join();
}

void AlertmanagerClient::Send(std::span<const SharedAlert> alerts) {
  size_t dropped = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    queue_.insert(queue_.end(), alerts.begin(), alerts.end());
    if (queue_.size() > options_.queue.capacity) {
      dropped = queue_.size() - options_.queue.capacity;
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(dropped));
    }
    queue_length_.Set(static_cast<double>(queue_.size()));
  }
  changed_.notify_one();
  if (dropped == 0) return;
  dropped_.Add(static_cast<double>(dropped));
  log::Warn("queue of alerts is full, the oldest are dropped",
            {{"url", options_.url}, {"alerts", static_cast<uint64_t>(dropped)}});
}

void AlertmanagerClient::BeginStop() {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    stop_at_ = Clock::Real().Now() + options_.timeout;
    if (!options_.queue.drain) DropQueue();
  }
  changed_.notify_one();
}

void AlertmanagerClient::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) break;
    Nanos timeout = options_.timeout;
    if (stopping_) timeout = std::min(timeout, stop_at_ - Clock::Real().Now());
    if (timeout <= 0) break;
    const std::vector<SharedAlert> batch = TakeBatch();
    lock.unlock();
    const bool delivered = Deliver(batch, timeout);
    lock.lock();
    // The end of the process does not wait for a dead peer.
    if (stopping_ && !delivered) break;
  }
  DropQueue();
  ended_ = true;
}

std::vector<SharedAlert> AlertmanagerClient::TakeBatch() {
  const size_t size = std::min(queue_.size(), options_.queue.batch_size);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(size);
  std::vector<SharedAlert> batch(std::make_move_iterator(queue_.begin()),
                                 std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  queue_length_.Set(static_cast<double>(queue_.size()));
  return batch;
}

void AlertmanagerClient::DropQueue() {
  if (queue_.empty()) return;
  dropped_.Add(static_cast<double>(queue_.size()));
  log::Warn("alerts dropped at the end",
            {{"url", options_.url}, {"alerts", static_cast<uint64_t>(queue_.size())}});
  queue_.clear();
  queue_length_.Set(0);
}

bool AlertmanagerClient::Deliver(const std::vector<SharedAlert>& batch, Nanos timeout) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "Tocsin/" + std::string(Version())}};
  request.body = AlertsJson(batch);
  request.timeout = timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  const Nanos begin = Clock::Real().Now();
  const Result<http::Response> response = fetch_(request);
  const auto count = static_cast<double>(batch.size());
  if (response && response->status / 100 == 2) {
    const double seconds = static_cast<double>(Clock::Real().Now() - begin) / kSecond;
    latency_.Observe(seconds);
    latency_quantiles_.Observe(seconds);
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
