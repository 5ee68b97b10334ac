/// What the Prometheus API offers, for programs that read OpenAPI.

#pragma once

#include <string>
#include <string_view>

#include "cpp/http/router.h"

namespace tocsin::api {

/// The description of every path under /api/v1, as a YAML document. `openapi`: the version of
/// OpenAPI that it says it follows; `version`: ours.
std::string OpenApiDocument(std::string_view openapi, std::string_view version);

/// GET /api/v1/openapi.yaml: OpenAPI 3.1, or 3.2 with `openapi_version=3.2`.
void RegisterOpenApi(std::string_view version, http::Router* router);

}  // namespace tocsin::api
