/// What the metrics half of the API tells of series beside their samples: which there are, their
/// labels, what their metrics are, their exemplars.

#pragma once

#include "cpp/base/clock.h"
#include "cpp/http/router.h"
#include "cpp/model/metric_metadata.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/series_admin.h"

namespace tocsin::api {

/// What the handlers ask. Borrowed; outlives the router's use.
struct SeriesBackend {
  const promql::SeriesCatalog* catalog = nullptr;
  const MetadataSource* metadata = nullptr;
  promql::ParserOptions parser;  ///< Of expressions in query_exemplars.
};

/// GET and POST /api/v1/series, /labels, /query_exemplars; GET /label/{name}/values, /metadata.
void RegisterPrometheusSeries(const SeriesBackend& backend, http::Router* router);

/// A label name as it stands in a path: `U__my_2e_label` is "my.label" (UTF-8 escaped as the
/// Prometheus libraries do), every other text is itself.
std::string UnescapeLabelName(std::string_view name);

}  // namespace tocsin::api
