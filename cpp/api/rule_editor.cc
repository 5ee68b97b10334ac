#include "cpp/api/rule_editor.h"

#include <optional>
#include <string>

#include "cpp/api/errors.h"
#include "cpp/base/log.h"

namespace tocsin::api {
namespace {

http::Response Yaml(const Result<std::string>& text) {
  if (!text.has_value()) return TextError(text.error());
  http::Response response;
  response.Set("Content-Type", "application/yaml");
  response.body = *text;
  return response;
}

http::Response Accepted(const Status& status) {
  if (!status.ok()) return TextError(status);
  return http::Response::Json(202, R"({"status":"success","data":null,"errorType":"","error":""})");
}

std::string SpaceOf(const http::Request& request) {
  return std::string(request.Param("namespace"));
}

std::string GroupOf(const http::Request& request) { return std::string(request.Param("group")); }

/// What `change` ("set", "deleted") has done.
void Note(std::string_view change, const std::string& space, const Status& status) {
  if (status.ok()) log::Info("rules changed by a client", {{"was", change}, {"namespace", space}});
}

}  // namespace

void RegisterRuleEditor(rules::RuleLibrary* library, http::Router* router) {
  const auto set = [library](const http::Request& request) {
    const std::string space = SpaceOf(request);
    const Status status = library->SetGroup(space, request.body);
    Note("set", space, status);
    return Accepted(status);
  };
  const auto remove = [library](const http::Request& request) {
    const std::string space = SpaceOf(request);
    const Status status = library->DeleteGroup(space, GroupOf(request));
    Note("deleted", space, status);
    return Accepted(status);
  };
  const auto remove_all = [library](const http::Request& request) {
    const std::string space = SpaceOf(request);
    const Status status = library->DeleteNamespace(space);
    Note("deleted", space, status);
    return Accepted(status);
  };
  for (const char* prefix : {"/config/v1/rules", "/prometheus/config/v1/rules"}) {
    router->Handle("GET", prefix,
                   [library](const http::Request&) { return Yaml(library->Groups(std::nullopt)); });
  }
  for (const char* prefix : {"/config/v1/rules", "/prometheus/config/v1/rules", "/api/v1/rules"}) {
    const std::string space = std::string(prefix) + "/{namespace}";
    const std::string group = space + "/{group}";
    router->Handle("GET", space, [library](const http::Request& request) {
      return Yaml(library->Groups(SpaceOf(request)));
    });
    router->Handle("GET", group, [library](const http::Request& request) {
      return Yaml(library->Group(SpaceOf(request), GroupOf(request)));
    });
    router->Handle("POST", space, set);
    router->Handle("DELETE", group, remove);
    router->Handle("DELETE", space, remove_all);
  }
}

}  // namespace tocsin::api
