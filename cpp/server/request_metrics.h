/// How long requests take, by route: tempo_request_duration_seconds.

#pragma once

#include <string>
#include <string_view>

#include "cpp/config/config.h"
#include "cpp/http/router.h"
#include "cpp/rpc/call.h"
#include "cpp/telemetry/collector_view.h"
#include "cpp/telemetry/registry.h"

namespace tocsin::server {

/// Measures every handler that `router` has, until the last byte of a streamed answer. A request
/// with a sampled `traceparent` leaves its trace id as an exemplar. The label `route` is the
/// pattern as Tempo writes it: `api_traces_id` for /api/traces/{id}. Borrows the registry.
void MeasureRequests(http::Router* router, telemetry::Registry* registry);

/// The same of a gRPC method, whose route is its name.
rpc::UnaryHandler MeasuredCall(std::string_view method, rpc::UnaryHandler handler,
                               telemetry::Registry* registry);

/// The trace id of a W3C `traceparent` that says "sampled"; "" for any other text.
std::string_view SampledTraceId(std::string_view traceparent);

/// What the Collector's names are made with, and the resource's labels: service_name,
/// service_version and service_instance_id unless the configuration gives them.
telemetry::CollectorViewOptions CollectorOptionsOf(const config::SelfMetrics& config);

}  // namespace tocsin::server
