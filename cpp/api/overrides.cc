#include "cpp/api/overrides.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cpp/api/errors.h"
#include "cpp/api/params.h"
#include "cpp/base/log.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::Json;

void Write(const Json& json, lib::JsonWriter* w) {
  switch (json.type) {
    case Json::Type::kNull:
      w->Null();
      return;
    case Json::Type::kBool:
      w->Bool(json.boolean);
      return;
    case Json::Type::kInt:
      w->Int(json.integer);
      return;
    case Json::Type::kUint:
      w->Uint(json.uinteger);
      return;
    case Json::Type::kDouble:
      w->Double(json.number);
      return;
    case Json::Type::kString:
      w->String(json.string);
      return;
    case Json::Type::kArray:
      w->BeginArray();
      for (const Json& item : json.array) Write(item, w);
      w->EndArray();
      return;
    case Json::Type::kObject:
      w->BeginObject();
      for (const auto& [key, value] : json.object) {
        w->Key(key);
        Write(value, w);
      }
      w->EndObject();
  }
}

void Patch(Json* document, const Json& patch) {
  if (patch.type != Json::Type::kObject) {
    *document = patch;
    return;
  }
  if (document->type != Json::Type::kObject) {
    *document = Json();
    document->type = Json::Type::kObject;
  }
  for (const auto& [key, value] : patch.object) {
    auto& members = document->object;
    const auto same = [&key = key](const auto& member) { return member.first == key; };
    if (value.type == Json::Type::kNull) {
      std::erase_if(members, same);
      continue;
    }
    auto found = std::ranges::find_if(members, same);
    if (found == members.end()) found = members.emplace(members.end(), key, Json());
    Patch(&found->second, value);
  }
}

// Keys that both say something of.
bool Conflict(const config::TenantOverrides& a, const config::TenantOverrides& b) {
  return (a.block_retention && b.block_retention) ||
         (a.selector_retention && b.selector_retention) ||
         (a.collection_interval && b.collection_interval) ||
         (a.disable_collection && b.disable_collection) ||
         (a.max_bytes_per_trace && b.max_bytes_per_trace) ||
         (a.max_bytes_per_tag_values && b.max_bytes_per_tag_values) ||
         (a.max_search_duration && b.max_search_duration) ||
         (a.max_metrics_duration && b.max_metrics_duration);
}

class OverridesApi {
 public:
  OverridesApi(TenantOverrides* overrides, OverridesOptions options)
      : overrides_(*overrides), options_(std::move(options)) {}

  http::Response Get(const http::Request& request) const {
    const std::string_view scope = request.Query("scope").value_or("api");
    if (scope != "api" && scope != "merged") {
      return http::Response::Text(
          400, "unknown scope \"" + std::string(scope) + "\", valid options are api and merged\n");
    }
    TenantOverrides::Versioned user = overrides_.UserOf(options_.tenant);
    if (scope == "api" && user.version == "0") return http::Response{404, {}, ""};
    if (scope == "merged") user.overrides = overrides_.Of(options_.tenant);
    return Answer(user);
  }

  http::Response Post(const http::Request& request) {
    const std::string_view version = request.Header("if-match");
    if (version.empty()) return NoVersion();
    return Change(request, request.body, version);
  }

  http::Response Patch(const http::Request& request) {
    const TenantOverrides::Versioned user = overrides_.UserOf(options_.tenant);
    const Result<std::string> patched =
        MergePatch(config::OverridesJson(user.overrides), request.body);
    if (!patched) return TextError(patched.error());
    const std::string_view version = request.Header("if-match");
    return Change(request, *patched, version.empty() ? user.version : version);
  }

  http::Response Delete(const http::Request& request) {
    const std::string_view version = request.Header("if-match");
    if (version.empty()) return NoVersion();
    const Status removed = overrides_.Remove(options_.tenant, version);
    if (!removed.ok()) return TextError(removed);
    log::Info("overrides removed", {{"tenant", options_.tenant}});
    return http::Response{200, {}, ""};
  }

 private:
  static http::Response NoVersion() {
    return http::Response::Text(428, "must specify If-Match header\n");
  }

  static http::Response Answer(const TenantOverrides::Versioned& versioned) {
    http::Response response = http::Response::Json(200, config::OverridesJson(versioned.overrides));
    response.Set("ETag", versioned.version);
    return response;
  }

  http::Response Change(const http::Request& request, std::string_view json,
                        std::string_view version) {
    const Result<config::TenantOverrides> asked = config::ParseUserOverrides(json);
    if (!asked) return TextError(asked.error());
    if (options_.check) {
      if (const Status good = options_.check(*asked); !good.ok()) return TextError(good);
    }
    const bool first = overrides_.UserOf(options_.tenant).version == "0";
    const bool skip = request.Query("skip-conflicting-overrides-check") == "true";
    if (options_.check_conflicts && first && !skip &&
        Conflict(*asked, overrides_.RuntimeOf(options_.tenant))) {
      return http::Response::Text(
          400,
          "the file of tenants sets some of these too, which would no longer count; "
          "skip-conflicting-overrides-check=true does it all the same\n");
    }
    const auto set = overrides_.Set(options_.tenant, *asked, version);
    if (!set) return TextError(set.error());
    log::Info("overrides changed", {{"tenant", options_.tenant}, {"version", set->version}});
    return Answer(*set);
  }

  TenantOverrides& overrides_;
  const OverridesOptions options_;
};

}  // namespace

Result<std::string> MergePatch(std::string_view document, std::string_view patch) {
  TOCSIN_ASSIGN_OR_RETURN(Json merged, Json::Parse(document));
  TOCSIN_ASSIGN_OR_RETURN(const Json changes, Json::Parse(patch));
  Patch(&merged, changes);
  lib::JsonWriter w;
  Write(merged, &w);
  return std::move(w).Take();
}

void RegisterOverrides(TenantOverrides* overrides, const OverridesOptions& options,
                       http::Router* router) {
  const auto api = std::make_shared<OverridesApi>(overrides, options);
  constexpr std::string_view kPath = "/api/overrides";
  router->Handle("GET", kPath, [api](const http::Request& request) { return api->Get(request); });
  router->Handle("POST", kPath, [api](const http::Request& request) { return api->Post(request); });
  router->Handle("PATCH", kPath,
                 [api](const http::Request& request) { return api->Patch(request); });
  router->Handle("DELETE", kPath,
                 [api](const http::Request& request) { return api->Delete(request); });
}

}  // namespace tocsin::api
