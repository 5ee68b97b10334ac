/// GET /metrics: our own metrics, in the format that the client asks for.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cpp/http/router.h"

namespace tocsin::api {

enum class MetricsFormat : uint8_t { kText, kOpenMetrics };

/// Everything that is counted, as Prometheus text 0.0.4 or as OpenMetrics 1.0.
using MetricsWriter = std::function<std::string(MetricsFormat)>;

/// What the Accept header prefers: OpenMetrics if it names it (in a version that we speak) with a
/// weight above 0 and not below that of text/plain, else text.
MetricsFormat FormatAccepted(std::string_view accept);

/// GET /metrics. The body is compressed if the client takes gzip.
void RegisterMetrics(MetricsWriter write, http::Router* router);

}  // namespace tocsin::api
