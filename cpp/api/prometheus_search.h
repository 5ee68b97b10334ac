/// The search endpoints of Prometheus's API (experimental there and off by default, as here): names
/// that fit what somebody has typed so far, as lines of JSON.
///
///     {"results":[{"name":"up","score":1},...]}       one or more, also without any result
///     {"status":"success","has_more":false}           has_more: `limit` has cut something

#pragma once

#include <cstddef>

#include "cpp/base/clock.h"
#include "cpp/http/router.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/promql/series_admin.h"

namespace tocsin::api {

/// What the handlers ask. Borrowed; outlives the router's use.
struct SearchBackend {
  const promql::SeriesCatalog* catalog = nullptr;
  const MetadataSource* metadata = nullptr;
  const Clock* clock = nullptr;
  bool enabled = false;       ///< Otherwise they refuse.
  size_t max_limit = 10'000;  ///< The greatest `limit`; 0: any.
};

/// GET and POST /api/v1/search/{metric_names,label_names,label_values}.
void RegisterPrometheusSearch(const SearchBackend& backend, http::Router* router);

}  // namespace tocsin::api
