/// Remote write, received: POST /api/v1/write takes prometheus.WriteRequest (1.0) and
/// io.prometheus.write.v2.Request (2.0), in snappy blocks, into a SampleSink.
///
///     receive::RemoteWriteReceiver receiver(&sink, {}, &telemetry);
///     receiver.Register(&router);
///
/// What is answered:
///     204    everything was stored, or was there already
///     400    the request is malformed and nothing of it was stored; or some of it can never be
///            stored (bad labels, bad histograms, samples out of order, too old, too far ahead or
///            second at their time, series beyond the limit) and all else was
///     413    larger than the limits
///     415    another content type or coding
///     429, 503 (with Retry-After), 500    nothing was stored; to be sent again
///
/// Each answer to a 2.0 request that could be read says in X-Prometheus-Remote-Write-...-Written
/// how much of it is stored.

#pragma once

#include <cstddef>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/router.h"
#include "cpp/model/ports.h"
#include "cpp/receive/series_cache.h"
#include "cpp/receive/write_batch.h"
#include "cpp/wire/remote_write_decode.h"

namespace tocsin::receive {

struct RemoteWriteOptions {
  wire::WriteLimits limits;
  /// Series that are known without looking at their labels; up to 64 bytes each.
  size_t max_cached_series = 1'000'000;
  Nanos retry_after = 5 * kSecond;  ///< Told with 429 and 503.
};

/// Thread-safe. Outlives the servers that it is registered with. Samples have no tenants:
/// X-Scope-OrgID is ignored, as by the other handlers of metrics.
class RemoteWriteReceiver {
 public:
  /// Borrows `sink` and `telemetry`.
  RemoteWriteReceiver(SampleSink* sink, RemoteWriteOptions options, Telemetry* telemetry);

  void Register(http::Router* router);

 private:
  http::Response Write(const http::Request& request);
  http::Response Store(WriteBatch batch, wire::WriteMessage message, http::Response response);
  http::Response Failed(int status, const Status& error, http::Response response) const;
  void Count(const WriteBatch& batch, const AppendOutcome& outcome, wire::WriteMessage message);
  void CountInvalidLabels(size_t samples);

  SampleSink* const sink_;
  const RemoteWriteOptions options_;
  Telemetry* const telemetry_;
  SeriesCache cache_;
};

}  // namespace tocsin::receive
