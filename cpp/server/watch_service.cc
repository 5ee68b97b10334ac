#include "cpp/server/watch_service.h"

#include <utility>

#include "cpp/base/log.h"
#include "cpp/model/label_defaults.h"
#include "cpp/server/outside.h"

namespace tocsin::server {

WatchService::WatchService(std::unique_ptr<StateStore> state,
                           std::function<std::vector<deliver::Progress>(Nanos now)> progress,
                           rules::AlertSink* alerts, Telemetry* telemetry)
    : state_(std::move(state)),
      progress_(std::move(progress)),
      alerts_(alerts),
      telemetry_(telemetry) {}

WatchService::~WatchService() { Stop(); }

void WatchService::Run(const config::Config& config, const std::string& external_url) {
  const std::scoped_lock lock(mutex_);
  Settings wanted{config.heartbeat, config.peers, config.external_labels};
  if (runs_ && wanted == settings_) return;
  End();
  settings_ = std::move(wanted);
  runs_ = true;
  if (config.heartbeat.url.given()) StartHeartbeat(config, external_url);
  for (const config::Peer& peer : config.peers) StartPeer(peer, config.external_labels);
}

void WatchService::StartHeartbeat(const config::Config& config, const std::string& external_url) {
  deliver::HeartbeatOptions options;
  options.url = config.heartbeat.url;
  options.interval = config.heartbeat.interval;
  options.timeout = config.heartbeat.timeout;
  options.instance = external_url;
  heartbeat_ = std::make_unique<deliver::Heartbeat>(
      std::move(options),
      deliver::Heartbeat::Ports{ClientOf(config.heartbeat.client), progress_, telemetry_});
  loops_.push_back(std::make_unique<engine::Periodic>(
      "heartbeat", [this] { return UntilDue(heartbeat_->RunDue(Clock::Real().Now())); }));
  loops_.back()->Start(0);
}

void WatchService::StartPeer(const config::Peer& peer, const Labels& external_labels) {
  deliver::PeerOptions options;
  options.url = peer.url;
  options.name = peer.name;
  options.interval = peer.interval;
  options.timeout = peer.timeout;
  options.hold = peer.hold;
  options.labels = peer.labels;
  AddMissing(&options.labels, external_labels);
  auto watch = std::make_unique<deliver::PeerWatch>(
      std::move(options),
      deliver::PeerWatch::Ports{ClientOf(peer.client), alerts_, state_.get(), telemetry_});
  if (const Status restored = watch->Restore(); !restored.ok()) {
    log::Error("peer is watched anew", {{"peer", peer.name}, {"error", restored.ToString()}});
  }
  loops_.push_back(std::make_unique<engine::Periodic>("peer-watch", [watch = watch.get()] {
    return UntilDue(watch->RunDue(Clock::Real().Now()));
  }));
  peers_.push_back(std::move(watch));
  loops_.back()->Start(0);
}

void WatchService::Stop() {
  const std::scoped_lock lock(mutex_);
  End();
}

void WatchService::End() {
  runs_ = false;
  loops_.clear();  // Each waits for its request to end.
  peers_.clear();
  heartbeat_.reset();
}

}  // namespace tocsin::server
