#include "cpp/api/rules.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/prometheus_json.h"
#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteSeconds(Nanos duration, JsonWriter* w) {
  w->Double(static_cast<double>(duration) / kSecond);
}

void WriteAnnotations(const Annotations& annotations, JsonWriter* w) {
  w->BeginObject();
  for (const auto& [name, value] : annotations) w->Key(name).String(value);
  w->EndObject();
}

void WriteAlert(const rules::AlertView& alert, JsonWriter* w) {
  w->BeginObject().Key("labels");
  WriteLabels(alert.labels, w);
  w->Key("annotations");
  WriteAnnotations(alert.annotations, w);
  w->Key("state").String(alert.state);
  w->Key("activeAt").String(FormatRfc3339(alert.active_at));
  if (alert.keep_firing_since) {
    w->Key("keepFiringSince").String(FormatRfc3339(*alert.keep_firing_since));
  }
  w->Key("value").String(FormatGoScientific(alert.value)).EndObject();
}

void WriteRule(const rules::RuleView& rule, JsonWriter* w) {
  w->BeginObject();
  if (rule.alerting) w->Key("state").String(rule.state);
  w->Key("name").String(rule.name).Key("query").String(rule.query);
  if (rule.alerting) {
    w->Key("duration");
    WriteSeconds(rule.hold, w);
    w->Key("keepFiringFor");
    WriteSeconds(rule.keep_firing_for, w);
  }
  w->Key("labels");
  WriteLabels(rule.labels, w);
  if (rule.alerting) {
    w->Key("annotations");
    WriteAnnotations(rule.annotations, w);
    w->Key("alerts").BeginArray();
    for (const rules::AlertView& alert : rule.alerts) WriteAlert(alert, w);
    w->EndArray();
  }
  w->Key("health").String(rule.health);
  if (!rule.last_error.empty()) w->Key("lastError").String(rule.last_error);
  w->Key("evaluationTime");
  WriteSeconds(rule.evaluation_time, w);
  w->Key("lastEvaluation").String(FormatRfc3339(rule.last_evaluation));
  w->Key("type").String(rule.alerting ? "alerting" : "recording").EndObject();
}

// Which rules were asked for; all of them by default.
struct RuleFilter {
  bool alerting = true;
  bool recording = true;
  std::vector<std::string_view> names;

  bool Matches(const rules::RuleView& rule) const {
    return (rule.alerting ? alerting : recording) &&
           (names.empty() || std::ranges::find(names, rule.name) != names.end());
  }
};

Result<RuleFilter> ReadFilter(const http::Request& request) {
  RuleFilter filter;
  if (const auto type = request.Query("type"); type && !type->empty()) {
    if (*type != "alert" && *type != "record") {
      return InvalidArgumentError("not supported value for parameter type: \"" +
                                  std::string(*type) + "\" is neither alert nor record");
    }
    filter.alerting = *type == "alert";
    filter.recording = !filter.alerting;
  }
  for (const auto& [name, value] : request.query) {
    if (name == "rule_name[]") filter.names.push_back(value);
  }
  return filter;
}

void WriteGroup(const rules::GroupView& group, const RuleFilter& filter, JsonWriter* w) {
  w->BeginObject().Key("name").String(group.name).Key("file").String(group.file);
  w->Key("rules").BeginArray();
  for (const rules::RuleView& rule : group.rules) {
    if (filter.Matches(rule)) WriteRule(rule, w);
  }
  w->EndArray().Key("interval");
  WriteSeconds(group.interval, w);
  w->Key("limit").Uint(group.limit).Key("evaluationTime");
  WriteSeconds(group.evaluation_time, w);
  w->Key("lastEvaluation").String(FormatRfc3339(group.last_evaluation)).EndObject();
}

http::Response Rules(const RulesBackend& backend, const http::Request& request) {
  const Result<RuleFilter> filter = ReadFilter(request);
  if (!filter) return PrometheusError(filter.error());
  JsonWriter w;
  w.BeginObject().Key("groups").BeginArray();
  for (const auto& group : backend.groups()) {
    const bool any = std::ranges::any_of(
        group->rules, [&](const rules::RuleView& rule) { return filter->Matches(rule); });
    if (any || group->rules.empty()) WriteGroup(*group, *filter, &w);
  }
  w.EndArray().EndObject();
  return PrometheusSuccess(w.text());
}

http::Response Alerts(const RulesBackend& backend) {
  JsonWriter w;
  w.BeginObject().Key("alerts").BeginArray();
  for (const rules::AlertView& alert : backend.alerts()) WriteAlert(alert, &w);
  w.EndArray().EndObject();
  return PrometheusSuccess(w.text());
}

}  // namespace

void RegisterRules(RulesBackend backend, http::Router* router) {
  const auto shared = std::make_shared<const RulesBackend>(std::move(backend));
  router->Handle("GET", "/api/v1/rules",
                 [shared](const http::Request& request) { return Rules(*shared, request); });
  router->Handle("GET", "/api/v1/alerts",
                 [shared](const http::Request&) { return Alerts(*shared); });
}

}  // namespace tocsin::api
