/// OTLP metrics, received: POST /api/v1/otlp/v1/metrics, where Prometheus has it, in protobuf or
/// JSON, plain or gzip, into a SampleSink. The answer is in the encoding of the request.
///
/// What is answered:
///     200    all of it is stored; or what could be, and partial_success says how many data points
///            or samples could not and why
///     400    malformed, or nothing of it could be stored
///     413, 415    too large; another content type or coding
///     429, 503 (with Retry-After), 500    nothing was stored; to be sent again

#pragma once

#include <cstddef>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/router.h"
#include "cpp/model/ports.h"
#include "cpp/wire/otlp_metrics.h"

namespace tocsin::receive {

struct OtlpMetricsOptions {
  size_t max_request_bytes = 64 << 20;  ///< After decompression.
  wire::OtlpMetricsLimits limits;
  Nanos retry_after = 5 * kSecond;  ///< Told with 429 and 503.
};

/// Thread-safe. Outlives the servers that it is registered with.
class OtlpMetricsReceiver {
 public:
  /// Borrows `sink` and `telemetry`.
  OtlpMetricsReceiver(SampleSink* sink, OtlpMetricsOptions options, Telemetry* telemetry);

  void Register(http::Router* router);

 private:
  http::Response Export(const http::Request& request);
  http::Response Store(const wire::OtlpMetrics& metrics, bool json);
  http::Response Failed(int status, const Status& error) const;

  SampleSink* const sink_;
  const OtlpMetricsOptions options_;
  Counter& stored_;
  Counter& refused_;
};

}  // namespace tocsin::receive
