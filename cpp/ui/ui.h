/// The pages for people: files of ui/ from memory, and the ways that lead to them.

#pragma once

#include "cpp/http/router.h"

namespace tocsin::ui {

/// GET /ui/{page...} answers the one document, which shows the page that its address names, and
/// /ui/assets/{file} the scripts and styles: compressed if the client takes that, with an ETag, and
/// with a policy that lets them load nothing from elsewhere and nothing that stands in a document.
///
/// Addresses of other user interfaces lead to the pages that show the same: /graph and /query (with
/// what Prometheus's links say in g0.expr, g0.tab and g0.range_input), /alerts, and /trace/{id} of
/// Jaeger's. Call it after all other handlers: of `/` and `/status`, if they are there, browsers
/// are led to the pages, and everybody else gets what he got before. Redirects are relative, so
/// that a proxy may put a path before all of it.
void RegisterUi(http::Router* router);

}  // namespace tocsin::ui
