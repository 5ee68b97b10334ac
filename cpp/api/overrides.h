/// Tenants change what they have of their own, as in Tempo's user-configurable overrides.

#pragma once

#include <functional>
#include <string>

#include "cpp/api/tenant_overrides.h"
#include "cpp/http/router.h"

namespace tocsin::api {

struct OverridesOptions {
  std::string tenant;
  /// Refuse the first change of a key that the file of tenants sets too, unless the client says
  /// skip-conflicting-overrides-check=true.
  bool check_conflicts = false;
  /// Says what is wrong with overrides that can be read; may be empty.
  std::function<Status(const config::TenantOverrides&)> check;
};

/// GET (?scope=api|merged), POST, PATCH (JSON merge patch) and DELETE /api/overrides. The version
/// is the ETag; a change must name the present one in If-Match (428 without, 412 for another; for
/// the first change it is 0), but for PATCH, where it may. 400 names the key that does not act.
/// Borrows `overrides`, which outlives the router's use.
void RegisterOverrides(TenantOverrides* overrides, const OverridesOptions& options,
                       http::Router* router);

/// `patch` applied to `document` as RFC 7386 says; kInvalidArgument if one is no JSON.
Result<std::string> MergePatch(std::string_view document, std::string_view patch);

}  // namespace tocsin::api
