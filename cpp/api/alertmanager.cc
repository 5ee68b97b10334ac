#include "cpp/api/alertmanager.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cpp/api/alertmanager_body.h"
#include "cpp/api/alertmanager_json.h"
#include "cpp/api/errors.h"
#include "cpp/base/rfc3339.h"
#include "cpp/http/content.h"
#include "cpp/lib/json.h"
#include "cpp/lib/regex.h"
#include "cpp/routing/matcher.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

constexpr int kInvalidType = 601;

http::Response Answer(int status, std::string json) {
  http::Response response = http::Response::Json(status, std::move(json));
  response.Set("Cache-Control", "no-store");
  return response;
}

http::Response Empty(int status) {
  http::Response response{.status = status};
  response.Set("Cache-Control", "no-store");
  return response;
}

/// What a handler found wrong: the sentence is the whole body.
http::Response Sentence(int status, std::string_view message) {
  JsonWriter w;
  w.String(message);
  return Answer(status, std::move(w).Take());
}

http::Response FromStatus(const Status& status) {
  http::Response response = Sentence(HttpStatusOf(status.code()), status.message());
  if (response.status == 429 || response.status == 503) response.Set("Retry-After", "1");
  return response;
}

http::Response FromSchema(const SchemaError& error) {
  // Without a code it was a handler's own complaint.
  if (error.code == 0) return Sentence(error.http_status, error.message);
  JsonWriter w;
  w.BeginObject().Key("code").Int(error.code).Key("message").String(error.message).EndObject();
  return Answer(error.http_status, std::move(w).Take());
}

/// Refuses what is not declared to be JSON; a request that declares nothing is believed.
std::optional<http::Response> WrongMediaType(const http::Request& request) {
  const std::string type = http::MediaType(request.Header("content-type"));
  if (type.empty() || type == "application/json") return std::nullopt;
  return FromSchema(
      {415, 415, "unsupported media type \"" + type + "\", only [application/json] are allowed"});
}

/// As go-openapi reads a boolean: what does not mean yes means no.
bool Flag(const http::Request& request, std::string_view name) {
  const std::optional<std::string_view> value = request.Query(name);
  if (!value.has_value() || value->empty()) return true;
  for (const std::string_view yes :
       {"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"}) {
    if (http::SameName(*value, yes)) return true;
  }
  return false;
}

Result<routing::Matchers> Filters(const http::Request& request) {
  routing::Matchers matchers;
  for (const auto& [name, value] : request.query) {
    if (name != "filter") continue;
    Result<routing::Matcher> matcher = routing::ParseMatcher(value);
    if (!matcher.has_value()) {
      return Failure(matcher.error().WithContext("bad matcher format: " + value));
    }
    matchers.push_back(*std::move(matcher));
  }
  return matchers;
}

/// Which alerts a request asks for. `unprocessed` is no question: Alertmanager finds out what an
/// alert is when it is asked for it.
struct Selection {
  alerting::ViewFilter filter;
  bool active = true;
  bool silenced = true;
  bool inhibited = true;
  bool muted = true;
  Nanos now = 0;

  bool Wants(const alerting::AlertView& view) const {
    if (view.alert.ends_at < now) return false;
    if (!active && view.state != "suppressed") return false;
    return (silenced || view.silenced_by.empty()) && (inhibited || view.inhibited_by.empty()) &&
           (muted || view.muted_by.empty());
  }
};

Result<Selection> SelectionOf(const http::Request& request, Nanos now) {
  Selection selection;
  selection.now = now;
  TOCSIN_ASSIGN_OR_RETURN(selection.filter.matchers, Filters(request));
  if (const auto receiver = request.Query("receiver"); receiver && !receiver->empty()) {
    Result<lib::Regex> regex = lib::Regex::Compile(*receiver);
    if (!regex.has_value()) {
      return Failure(regex.error().WithContext("failed to parse receiver param"));
    }
    selection.filter.receiver = *std::move(regex);
  }
  selection.active = Flag(request, "active");
  selection.silenced = Flag(request, "silenced");
  selection.inhibited = Flag(request, "inhibited");
  selection.muted = Flag(request, "muted");
  return selection;
}

/// A silence is asked for by matchers that it has itself, not by labels that it would match.
bool HasAll(const alerting::Silence& silence, const routing::Matchers& wanted) {
  return std::ranges::all_of(wanted, [&](const routing::Matcher& one) {
    return std::ranges::any_of(silence.matchers, [&](const routing::Matcher& matcher) {
      return matcher.op == one.op && matcher.name == one.name && matcher.value == one.value;
    });
  });
}

class AlertmanagerApi {
 public:
  explicit AlertmanagerApi(AlertmanagerBackend backend)
      : backend_(std::move(backend)), started_(backend_.clock->Now()) {}

  Status Ready() const { return backend_.ready(); }

  http::Response GetStatus(const http::Request&) const;
  http::Response GetReceivers(const http::Request&) const;
  http::Response GetAlerts(const http::Request& request) const;
  http::Response PostAlerts(const http::Request& request) const;
  http::Response GetGroups(const http::Request& request) const;
  http::Response GetSilences(const http::Request& request) const;
  http::Response PostSilence(const http::Request& request) const;
  http::Response GetSilence(const http::Request& request) const;
  http::Response DeleteSilence(const http::Request& request) const;

 private:
  const AlertmanagerBackend backend_;
  const Nanos started_;
};

http::Response AlertmanagerApi::GetStatus(const http::Request&) const {
  JsonWriter w;
  w.BeginObject().Key("cluster").BeginObject().Key("peers").BeginArray().EndArray();
  w.Key("status").String("disabled").EndObject();
  w.Key("config").BeginObject().Key("original").String(backend_.config()).EndObject();
  w.Key("uptime").String(FormatRfc3339Millis(started_)).Key("versionInfo").BeginObject();
  w.Key("branch").String("").Key("buildDate").String("").Key("buildUser").String("");
  w.Key("goVersion").String("").Key("revision").String(backend_.revision);
  w.Key("version").String(backend_.version).EndObject().EndObject();
  return Answer(200, std::move(w).Take());
}

http::Response AlertmanagerApi::GetReceivers(const http::Request&) const {
  JsonWriter w;
  w.BeginArray();
  for (const std::string& name : backend_.receivers()) {
    w.BeginObject().Key("name").String(name).EndObject();
  }
  w.EndArray();
  return Answer(200, std::move(w).Take());
}

http::Response AlertmanagerApi::GetAlerts(const http::Request& request) const {
  const Result<Selection> selection = SelectionOf(request, backend_.clock->Now());
  if (!selection.has_value()) return FromStatus(selection.error());
  JsonWriter w;
  w.BeginArray();
  for (const alerting::AlertView& view : backend_.alerts(selection->filter)) {
    if (selection->Wants(view)) WriteAlertView(view, &w);
  }
  w.EndArray();
  return Answer(200, std::move(w).Take());
}

http::Response AlertmanagerApi::PostAlerts(const http::Request& request) const {
  if (auto refused = WrongMediaType(request)) return *std::move(refused);
  const auto posted =
      ParsePostedAlerts(request.body, backend_.clock->Now(), backend_.resolve_timeout());
  if (!posted.has_value()) return FromSchema(posted.error());
  if (!posted->valid.empty()) {
    if (const Status taken = backend_.receive(posted->valid); !taken.ok()) return FromStatus(taken);
  }
  if (posted->faults.empty()) return Empty(200);
  std::string all;
  for (const std::string& fault : posted->faults) all.append(all.empty() ? "" : "; ").append(fault);
  return Sentence(400, all);
}

http::Response AlertmanagerApi::GetGroups(const http::Request& request) const {
  const Result<Selection> selection = SelectionOf(request, backend_.clock->Now());
  if (!selection.has_value()) return FromStatus(selection.error());
  JsonWriter w;
  w.BeginArray();
  for (alerting::GroupView& group : backend_.groups(selection->filter)) {
    std::erase_if(group.alerts, [&](const auto& alert) { return !selection->Wants(alert); });
    if (!group.alerts.empty()) WriteGroupView(group, &w);
  }
  w.EndArray();
  return Answer(200, std::move(w).Take());
}

http::Response AlertmanagerApi::GetSilences(const http::Request& request) const {
  const Result<routing::Matchers> filters = Filters(request);
  if (!filters.has_value()) return FromStatus(filters.error());
  const Nanos now = backend_.clock->Now();
  JsonWriter w;
  w.BeginArray();
  for (const alerting::Silence& silence : backend_.silences->List(now)) {
    if (HasAll(silence, *filters)) WriteSilence(silence, now, &w);
  }
  w.EndArray();
  return Answer(200, std::move(w).Take());
}

http::Response AlertmanagerApi::PostSilence(const http::Request& request) const {
  if (auto refused = WrongMediaType(request)) return *std::move(refused);
  auto silence = ParsePostedSilence(request.body);
  if (!silence.has_value()) return FromSchema(silence.error());
  const Nanos now = backend_.clock->Now();
  const Result<std::string> id = backend_.silences->Set(*std::move(silence), now);
  if (!id.has_value()) return FromStatus(id.error());
  JsonWriter w;
  w.BeginObject().Key("silenceID").String(*id).EndObject();
  return Answer(200, std::move(w).Take());
}

/// The id of the path, or the refusal of what is none.
std::expected<std::string, SchemaError> IdOf(const http::Request& request) {
  std::string id(request.Param("id"));
  if (IsUuid(id)) return id;
  return std::unexpected(
      SchemaError{422, kInvalidType, "silenceID in path must be of type uuid: \"" + id + "\""});
}

http::Response AlertmanagerApi::GetSilence(const http::Request& request) const {
  const auto id = IdOf(request);
  if (!id.has_value()) return FromSchema(id.error());
  const Result<alerting::Silence> silence = backend_.silences->Find(*id);
  if (!silence.has_value()) return Empty(HttpStatusOf(silence.error().code()));
  JsonWriter w;
  WriteSilence(*silence, backend_.clock->Now(), &w);
  return Answer(200, std::move(w).Take());
}

http::Response AlertmanagerApi::DeleteSilence(const http::Request& request) const {
  const auto id = IdOf(request);
  if (!id.has_value()) return FromSchema(id.error());
  const Status ended = backend_.silences->Expire(*id, backend_.clock->Now());
  if (ended.ok()) return Empty(200);
  if (ended.code() == StatusCode::kNotFound) return Empty(404);
  return FromStatus(ended);
}

}  // namespace

void RegisterAlertmanager(AlertmanagerBackend backend, http::Router* router) {
  const auto api = std::make_shared<const AlertmanagerApi>(std::move(backend));
  using Method = http::Response (AlertmanagerApi::*)(const http::Request&) const;
  const auto handle = [&](std::string_view method, std::string_view path, Method answer) {
    router->Handle(method, path, [api, answer](const http::Request& request) {
      if (const Status ready = api->Ready(); !ready.ok()) return FromStatus(ready);
      return ((*api).*answer)(request);
    });
  };
  handle("GET", "/api/v2/status", &AlertmanagerApi::GetStatus);
  handle("GET", "/api/v2/receivers", &AlertmanagerApi::GetReceivers);
  handle("GET", "/api/v2/alerts", &AlertmanagerApi::GetAlerts);
  handle("POST", "/api/v2/alerts", &AlertmanagerApi::PostAlerts);
  handle("GET", "/api/v2/alerts/groups", &AlertmanagerApi::GetGroups);
  handle("GET", "/api/v2/silences", &AlertmanagerApi::GetSilences);
  handle("POST", "/api/v2/silences", &AlertmanagerApi::PostSilence);
  handle("GET", "/api/v2/silence/{id}", &AlertmanagerApi::GetSilence);
  handle("DELETE", "/api/v2/silence/{id}", &AlertmanagerApi::DeleteSilence);
}

}  // namespace tocsin::api
