/// Metrics as text: Prometheus's format 0.0.4, and OpenMetrics 1.0.
///
/// OpenMetrics has more to say (units, times of creation, exemplars, the end) and one rule more: a
/// counter's samples end in `_total`. Counters whose name another product has given without that
/// suffix are of type `unknown` there, and `untyped` in the text format, so that no checker of
/// either format finds fault with a name that dashboards rely on.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpp/telemetry/family.h"

namespace tocsin::telemetry {

enum class Format : uint8_t { kText, kOpenMetrics };

/// `families` in their order. Every name and label name must be valid.
std::string Expose(const std::vector<Family>& families, Format format);

}  // namespace tocsin::telemetry
