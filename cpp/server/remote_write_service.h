/// The configured remote writers, each with its place in the sample log.

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/deliver/remote_write.h"
#include "cpp/engine/engine.h"
#include "cpp/http/client.h"

namespace tocsin::server {

class RemoteWriteService {
 public:
  /// Sends until destroyed; each writer goes on where it was, with `max_shards` or fewer. Borrows
  /// engine and telemetry.
  RemoteWriteService(const config::Config& config, uint32_t max_shards, engine::Engine* engine,
                     Telemetry* telemetry);
  /// Sends what is there, for a minute at most and only while the receivers take it; the rest is
  /// sent after the next start.
  ~RemoteWriteService();
  RemoteWriteService(const RemoteWriteService&) = delete;
  RemoteWriteService& operator=(const RemoteWriteService&) = delete;

  /// Takes over another configuration. Writers that are in both as they were go on undisturbed; one
  /// that has changed goes on where it was, with its new settings; a new one begins at the present.
  /// How long the log is kept (wal_max_age, wal_max_bytes) changes only with a restart.
  void Reload(const config::Config& config);

 private:
  struct Target;

  std::unique_ptr<Target> Open(const config::RemoteWrite& configured, std::string name);
  /// Ends their sending, side by side: each may take its time.
  void Stop(const std::vector<std::unique_ptr<Target>>& targets);

  const uint32_t max_shards_;
  engine::Engine* const engine_;
  Telemetry* const telemetry_;
  const std::unique_ptr<StateStore> state_;
  std::unique_ptr<deliver::AppendMeter> meter_;  ///< From the first writer on.
  std::mutex mutex_;                             ///< Of Reload.
  Labels external_labels_;
  std::vector<std::unique_ptr<Target>> targets_;
};

}  // namespace tocsin::server
