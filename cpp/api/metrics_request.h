/// What a client asks of TraceQL metrics, and what it gets for what it leaves out.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"

namespace tocsin::api {

struct MetricsRequest {
  std::string query;
  // Unix nanoseconds and nanoseconds; 0: not given.
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t step = 0;
  /// Of range queries.
  std::optional<uint32_t> exemplars;
  /// 0: not given.
  uint32_t max_series = 0;
  bool instant = false;
};

/// A two-hundred-and-fortieth of the range, rounded down to a multiple of the greatest of 1h, 5m,
/// 1m, 15s, 5s and 1s that is below it; of ranges under a minute, to a multiple of 50ms.
uint64_t DefaultMetricsStep(uint64_t start, uint64_t end);

/// The request of GET /api/metrics/query_range and /api/metrics/query: `q` or `query`; `start` and
/// `end` as Unix seconds, nanoseconds (more than ten digits), seconds with a fraction or RFC 3339,
/// by default `since` (1h) before the end, and now; `step` in seconds or as a duration;
/// `exemplars`; `maxSeries`. kInvalidArgument names the parameter that cannot be read.
Result<MetricsRequest> ReadMetricsRequest(const http::Request& request, bool instant, Nanos now);

}  // namespace tocsin::api
