/// The configured remote writers, each with its place in the sample log.

#pragma once

#include <memory>
#include <vector>

#include "cpp/base/telemetry.h"
#include "cpp/config/config.h"
#include "cpp/deliver/remote_write.h"
#include "cpp/engine/engine.h"

namespace tocsin::server {

class RemoteWriteService {
 public:
  /// Sends until destroyed; each writer goes on where it was. Borrows engine and telemetry.
  RemoteWriteService(const config::Config& config, engine::Engine* engine, Telemetry* telemetry);
  /// Sends what is there, for a few seconds at most; the rest is sent after the next start.
  ~RemoteWriteService();
  RemoteWriteService(const RemoteWriteService&) = delete;
  RemoteWriteService& operator=(const RemoteWriteService&) = delete;

 private:
  engine::Engine* const engine_;
  const std::unique_ptr<StateStore> state_;
  std::vector<std::unique_ptr<deliver::RemoteWriter>> writers_;
};

}  // namespace tocsin::server
