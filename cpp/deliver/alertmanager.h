/// Alerts to external Alertmanagers, as Prometheus's notifier sends them.
///
/// Every Alertmanager gets every alert through a queue and a thread of its own, so that a dead one
/// delays no other. A batch that cannot be delivered is dropped: the rules send every alert again
/// each resend delay, which repairs it.

#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/client.h"
#include "cpp/model/alert.h"
#include "cpp/rules/ports.h"

namespace tocsin::deliver {

struct AlertmanagerOptions {
  std::string url;  ///< "http://host:port/prefix/api/v2/alerts".
  Nanos timeout = 10 * kSecond;
  size_t queue_capacity = 10'000;  ///< The oldest alerts are dropped beyond it.
  size_t batch_size = 256;
};

/// The body of POST /api/v2/alerts.
std::string AlertsJson(std::span<const Alert> alerts);

/// One Alertmanager. Thread-safe.
class AlertmanagerClient {
 public:
  AlertmanagerClient(AlertmanagerOptions options, http::FetchFunction fetch, Telemetry* telemetry);
  /// Stop().
  ~AlertmanagerClient();
  AlertmanagerClient(const AlertmanagerClient&) = delete;
  AlertmanagerClient& operator=(const AlertmanagerClient&) = delete;

  /// Never blocks.
  void Send(std::span<const Alert> alerts);

  /// Delivers what is queued, until a batch fails, and ends the thread. Idempotent.
  void Stop();

 private:
  void Run();
  bool Deliver(const std::vector<Alert>& batch);

  const AlertmanagerOptions options_;
  const http::FetchFunction fetch_;
  Counter& sent_;
  Counter& dropped_;
  Counter& errors_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Alert> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tocsin::deliver
