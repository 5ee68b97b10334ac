/// Metrics as JSON: the protobuf message MetricFamily of Prometheus's clients, written as
/// protobuf's JSON mapping has it.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/telemetry/family.h"

namespace tocsin::telemetry {

/// An array of the families whose name is `wanted`, in their order.
std::string FamiliesAsJson(const std::vector<Family>& families,
                           const std::function<bool(std::string_view name)>& wanted);

}  // namespace tocsin::telemetry
