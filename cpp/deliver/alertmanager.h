/// Alerts to one external Alertmanager, as Prometheus's notifier sends them.
///
/// Every Alertmanager gets its alerts through a queue and a thread of its own, so that a dead one
/// delays no other. A batch that cannot be delivered is dropped: the rules send every alert again
/// each resend delay, which repairs it.

#pragma once

#include <atomic>
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

namespace tocsin::deliver {

/// How alerts wait: the same for all Alertmanagers.
struct AlertQueueOptions {
  size_t capacity = 10'000;  ///< The oldest alerts are dropped beyond it.
  size_t batch_size = 256;
  bool drain = true;  ///< At the end what waits is sent; otherwise it is dropped.

  friend bool operator==(const AlertQueueOptions&, const AlertQueueOptions&) = default;
};

struct AlertmanagerOptions {
  std::string url;               ///< "http://host:port/prefix/api/v2/alerts".
  Nanos timeout = 10 * kSecond;  ///< Of one request.
  AlertQueueOptions queue = {};
};

/// An alert that waits for several Alertmanagers waits in one copy.
using SharedAlert = std::shared_ptr<const Alert>;

/// The body of POST /api/v2/alerts.
std::string AlertsJson(std::span<const SharedAlert> alerts);

/// One Alertmanager. Thread-safe.
class AlertmanagerClient {
 public:
  AlertmanagerClient(AlertmanagerOptions options, http::FetchFunction fetch, Telemetry* telemetry);
  /// BeginStop(), and waits for its end.
  ~AlertmanagerClient();
  AlertmanagerClient(const AlertmanagerClient&) = delete;
  AlertmanagerClient& operator=(const AlertmanagerClient&) = delete;

  const std::string& url() const { return options_.url; }

  /// Never blocks. Does nothing after BeginStop().
  void Send(std::span<const SharedAlert> alerts);

  /// Takes no more alerts. What is queued is delivered until a batch fails, or until the time of
  /// one request has passed, and is dropped then. Does not wait for that.
  void BeginStop();
  /// Everything has been sent or dropped since BeginStop().
  bool ended() const { return ended_; }

 private:
  void Run();
  std::vector<SharedAlert> TakeBatch();
  void DropQueue();
  bool Deliver(const std::vector<SharedAlert>& batch, Nanos timeout);

  const AlertmanagerOptions options_;
  const http::FetchFunction fetch_;
  Counter& sent_;
  Counter& dropped_;
  Counter& errors_;
  Gauge& queue_length_;
  Histogram& latency_;
  Summary& latency_quantiles_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SharedAlert> queue_;
  bool stopping_ = false;
  Nanos stop_at_ = 0;  ///< While stopping: when to give up.
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace tocsin::deliver
