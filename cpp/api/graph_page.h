/// The page that links of alerts lead to: an expression, its value now and its course.

#pragma once

#include "cpp/http/router.h"

namespace tocsin::api {

/// GET /graph and /query. Takes the parameters of Prometheus's links: `g0.expr`, `g0.tab` (1:
/// table, 0: graph), `g0.range_input` (such as 1h). Everything stands in the page itself; it asks
/// /api/v1/query and /query_range.
void RegisterGraphPage(http::Router* router);

}  // namespace tocsin::api
