/// Metadata in requests of its own, as 1.0 has it.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/deliver/remote_write_client.h"
#include "cpp/deliver/remote_write_metrics.h"
#include "cpp/deliver/remote_write_options.h"

namespace tocsin::deliver {

/// Sends what is known of all metric families, every so often. Belongs to one thread.
class MetadataSender {
 public:
  /// Borrows all of them.
  MetadataSender(const RemoteWriteOptions& options, const RemoteWritePorts& ports,
                 WriteClient* client, RemoteWriteMetrics* metrics)
      : options_(options), ports_(ports), client_(client), metrics_(metrics) {}

  /// At most one request. What fails is sent again with backoff, until the next time begins.
  /// Returns how long the next step may wait.
  Nanos Step(Nanos now);

 private:
  void Begin(Nanos now);
  void Send(Nanos now);

  const RemoteWriteOptions& options_;
  const RemoteWritePorts& ports_;
  WriteClient* const client_;
  RemoteWriteMetrics* const metrics_;
  std::vector<MetricMetadata> all_;  ///< Of this time.
  size_t sent_ = 0;                  ///< Of all_.
  Nanos begun_at_ = 0;
  Nanos retry_at_ = 0;
  int attempt_ = 0;
};

}  // namespace tocsin::deliver
