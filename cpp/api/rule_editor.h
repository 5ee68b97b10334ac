/// Clients change rules, as with the rulers of Mimir and Loki.

#pragma once

#include "cpp/http/router.h"
#include "cpp/rules/rule_library.h"

namespace tocsin::api {

/// GET /config/v1/rules[/{namespace}[/{group}]], POST /config/v1/rules/{namespace} (the body is one
/// group, YAML or JSON), DELETE /config/v1/rules/{namespace}[/{group}]; all of it also below
/// /prometheus, and what has a namespace below /api/v1/rules. What is read is YAML; a change is
/// answered with 202 once it is on disk and holds; errors are plain text. Borrows `library`.
void RegisterRuleEditor(rules::RuleLibrary* library, http::Router* router);

}  // namespace tocsin::api
