/// How one remote write target is written to.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/client.h"
#include "cpp/model/labels.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/model/ports.h"
#include "cpp/model/state_store.h"
#include "cpp/relabel/relabel.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::deliver {

using wire::WriteMessage;

/// The names and defaults are those of Prometheus's remote_write.
struct RemoteWriteOptions {
  std::string name;  ///< Names the metrics and the saved position; unique among the writers.
  std::string url;
  WriteMessage message = WriteMessage::kV1;
  bool send_exemplars = false;
  bool send_native_histograms = false;  ///< Otherwise they are dropped and counted.
  Labels external_labels;               ///< Added to every series that has no label of that name.
  relabel::Rules relabel;               ///< Applied after that.
  http::Headers headers;                ///< Sent too; not those that the protocol sets.
  Nanos remote_timeout = 30 * kSecond;

  // The queue.
  uint32_t min_shards = 1;
  uint32_t max_shards = 50;
  /// What a shard may hold in memory; at least max_samples_per_send. The rest waits in the log.
  size_t capacity = 10'000;
  size_t max_samples_per_send = 2'000;  ///< Samples, histograms and exemplars of a request.
  /// A batch that is not full is sent when its first sample has waited this long.
  Nanos batch_send_deadline = 5 * kSecond;
  Nanos min_backoff = 30 * kMillisecond;
  Nanos max_backoff = 5 * kSecond;
  bool retry_on_http_429 = false;
  /// Older samples are dropped and counted, not sent, and not sent again; 0: never.
  Nanos max_age = 2 * kHour;

  // Metadata. With 2.0 it is beside the samples, whatever these say.
  bool send_metadata = true;
  Nanos metadata_interval = kMinute;
  size_t max_metadata_per_send = 2'000;
};

/// What the writer works with; all of it outlives the writer.
struct RemoteWritePorts {
  const LabelSource* labels = nullptr;
  const MetadataSource* metadata = nullptr;  ///< May be null.
  StateStore* state = nullptr;               ///< The positions of all remote writers, by name.
  http::FetchFunction fetch = http::Fetch;
  const Clock* clock = &Clock::Real();
  Telemetry* telemetry = &Telemetry::None();
};

}  // namespace tocsin::deliver
