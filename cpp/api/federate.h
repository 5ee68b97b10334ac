/// /federate: the newest samples of chosen series, in the text format, for another Prometheus.

#pragma once

#include <memory>

#include "cpp/base/clock.h"
#include "cpp/http/router.h"
#include "cpp/model/labels.h"
#include "cpp/promql/source.h"

namespace tocsin::api {

struct FederateBackend {
  const promql::SeriesSource* series = nullptr;  ///< Borrowed.
  const Clock* clock = nullptr;
  Millis lookback = 0;  ///< Older samples are not given.
  /// Added to series that have no label of that name.
  Labels external_labels;
};

/// GET /federate with match[], once or more. Native histograms have no place in the text format and
/// are left out.
void RegisterFederate(FederateBackend backend, http::Router* router);

}  // namespace tocsin::api
