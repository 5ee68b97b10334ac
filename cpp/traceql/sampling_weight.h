/// How many spans a sampled one stands for.

#pragma once

#include <string_view>

namespace tocsin::traceql {

/// From the threshold that OpenTelemetry's samplers write into the trace state (`ot=th:c`): the
/// inverse of the probability with which the span was kept. 1 without one, or with one that cannot
/// be read.
double SamplingWeight(std::string_view trace_state);

}  // namespace tocsin::traceql
