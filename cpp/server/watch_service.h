/// The dead man's switch with its threads: the heartbeat that we send, and the peers that we watch.

#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/deliver/heartbeat.h"
#include "cpp/deliver/peer_watch.h"
#include "cpp/engine/periodic.h"
#include "cpp/model/state_store.h"
#include "cpp/rules/ports.h"

namespace tocsin::server {

/// Thread-safe.
class WatchService {
 public:
  /// `state` is of the peers. Borrows the others. `progress`: deliver::Heartbeat::Ports.
  WatchService(std::unique_ptr<StateStore> state,
               std::function<std::vector<deliver::Progress>(Nanos now)> progress,
               rules::AlertSink* alerts, Telemetry* telemetry);
  ~WatchService();
  WatchService(const WatchService&) = delete;
  WatchService& operator=(const WatchService&) = delete;

  /// Begins to beat and to watch as this configuration says, in place of what was done before; goes
  /// on as it was if that is the same. `external_url` says who beats.
  void Run(const config::Config& config, const std::string& external_url);

  /// Idempotent.
  void Stop();

 private:
  struct Settings {
    config::Heartbeat heartbeat;
    std::vector<config::Peer> peers;
    Labels external_labels;

    friend bool operator==(const Settings&, const Settings&) = default;
  };

  void End();
  void StartHeartbeat(const config::Config& config, const std::string& external_url);
  void StartPeer(const config::Peer& peer, const Labels& external_labels);

  const std::unique_ptr<StateStore> state_;
  const std::function<std::vector<deliver::Progress>(Nanos now)> progress_;
  rules::AlertSink* const alerts_;
  Telemetry* const telemetry_;
  std::mutex mutex_;
  bool runs_ = false;
  Settings settings_;
  std::unique_ptr<deliver::Heartbeat> heartbeat_;
  std::vector<std::unique_ptr<deliver::PeerWatch>> peers_;
  std::vector<std::unique_ptr<engine::Periodic>> loops_;
};

}  // namespace tocsin::server
