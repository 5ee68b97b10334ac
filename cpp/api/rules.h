/// What the rules are doing, as Prometheus's clients read it.

#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cpp/http/router.h"
#include "cpp/rules/views.h"

namespace tocsin::api {

/// The read models. Called from several threads at once.
struct RulesBackend {
  std::function<std::vector<std::shared_ptr<const rules::GroupView>>()> groups;
  std::function<std::vector<rules::AlertView>()> alerts;
};

/// GET /api/v1/rules (with type, rule_name[], rule_group[], file[], match[], exclude_alerts,
/// group_limit and group_next_token as Prometheus has them), /api/v1/alerts.
void RegisterRules(RulesBackend backend, http::Router* router);

}  // namespace tocsin::api
