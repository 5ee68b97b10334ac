/// All external Alertmanagers: where they are found, what of the alerts each is sent.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/http_options.h"
#include "cpp/base/telemetry.h"
#include "cpp/deliver/alertmanager.h"
#include "cpp/http/client.h"
#include "cpp/model/alert.h"
#include "cpp/model/target_group.h"
#include "cpp/relabel/relabel.h"

namespace tocsin::deliver {

/// An entry of `alerting.alertmanagers`: Alertmanagers that are found and reached alike.
struct AlertmanagerSet {
  std::string scheme = "http";
  std::string path_prefix;  ///< Empty, or begins with a slash and does not end with one.
  Nanos timeout = 10 * kSecond;
  std::vector<TargetGroup> groups;
  std::vector<TargetFiles> files;
  /// Of Alertmanagers: sees __address__, __scheme__, __alerts_path__ and the labels of the group.
  relabel::Rules relabelling;
  relabel::Rules alert_relabelling;  ///< Of the alerts that these are sent.
  http::ClientOptions client;

  friend bool operator==(const AlertmanagerSet&, const AlertmanagerSet&) = default;
};

/// Thread-safe. Without a timer of its own: RunDue() is to be called when it says.
class Alertmanagers {
 public:
  struct Ports {
    std::function<http::FetchFunction(const http::ClientOptions&)> client;
    Telemetry* telemetry = nullptr;  ///< Borrowed.
  };

  explicit Alertmanagers(Ports ports);
  /// Stop().
  ~Alertmanagers();
  Alertmanagers(const Alertmanagers&) = delete;
  Alertmanagers& operator=(const Alertmanagers&) = delete;

  /// Makes these all there are. Sets that stay the same go on with their queues; those that go are
  /// sent what waits for them.
  void SetAll(std::vector<AlertmanagerSet> sets, const AlertQueueOptions& queue, Nanos now);

  /// Looks whether files of targets have changed, and returns when to look again.
  Nanos RunDue(Nanos now);

  /// Every Alertmanager gets every alert, as its set relabels it. Never blocks for long.
  void Send(std::span<const Alert> alerts);

  /// The URLs that alerts are sent to, and those that relabelling has dropped.
  std::vector<std::string> Active() const;
  std::vector<std::string> Dropped() const;

  /// Sends what waits, as AlertmanagerClient::BeginStop says, and ends. Idempotent.
  void Stop();

 private:
  class Set;

  const Ports ports_;
  Gauge& discovered_;
  Gauge& capacity_;
  /// Held by what changes the sets; never while waiting for an Alertmanager.
  std::mutex update_mutex_;
  std::vector<std::unique_ptr<AlertmanagerClient>> retired_;
  mutable std::mutex mutex_;  ///< The list of sets and their clients are changed under both.
  std::vector<std::unique_ptr<Set>> sets_;
};

}  // namespace tocsin::deliver
