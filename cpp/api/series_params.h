/// The parameters that the listings of Prometheus's API have in common.

#pragma once

#include <cstdint>
#include <vector>

#include "cpp/api/params.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/promql/source.h"

namespace tocsin::api {

/// Both ends belong to it.
struct TimeWindow {
  Millis from = INT64_MIN;
  Millis to = INT64_MAX;
};

/// `start` and `end`, each `otherwise` where it is missing; kInvalidArgument if end is before
/// start.
Result<TimeWindow> ReadTimeWindow(const Params& params, TimeWindow otherwise);

/// Every `match[]`; kInvalidArgument for one that the empty label set would match too.
Result<std::vector<std::vector<promql::Matcher>>> ReadSeriesSelectors(const Params& params);

}  // namespace tocsin::api
