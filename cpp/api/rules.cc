#include "cpp/api/rules.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/params.h"
#include "cpp/api/prometheus_json.h"
#include "cpp/base/format.h"
#include "cpp/base/hash.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/promql/parser.h"
#include "cpp/promql/result_json.h"

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
  promql::WriteLabels(alert.labels, w);
  w->Key("annotations");
  WriteAnnotations(alert.annotations, w);
  w->Key("state").String(alert.state);
  w->Key("activeAt").String(FormatRfc3339(alert.active_at));
  if (alert.keep_firing_since) {
    w->Key("keepFiringSince").String(FormatRfc3339(*alert.keep_firing_since));
  }
  w->Key("value").String(FormatGoScientific(alert.value)).EndObject();
}

void WriteRule(const rules::RuleView& rule, bool with_alerts, JsonWriter* w) {
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
  promql::WriteLabels(rule.labels, w);
  if (rule.alerting) {
    w->Key("annotations");
    WriteAnnotations(rule.annotations, w);
    w->Key("alerts").BeginArray();
    if (with_alerts) {
      for (const rules::AlertView& alert : rule.alerts) WriteAlert(alert, w);
    }
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
  bool with_alerts = true;
  std::vector<std::string_view> names;
  std::vector<std::string_view> groups;
  std::vector<std::string_view> files;
  std::vector<std::vector<promql::Matcher>> selectors;  // Of the rules' own labels.
  size_t group_limit = 0;                               // 0: all.
  std::string_view next_token;                          // Of the first group; "": from the start.

  static bool Lists(const std::vector<std::string_view>& list, std::string_view text) {
    return list.empty() || std::ranges::find(list, text) != list.end();
  }
  bool Matches(const rules::GroupView& group) const {
    return Lists(groups, group.name) && Lists(files, group.file);
  }
  bool Matches(const rules::RuleView& rule) const {
    return (rule.alerting ? alerting : recording) && Lists(names, rule.name) &&
           MatchesLabels(rule.labels);
  }
  bool MatchesLabels(const Labels& labels) const {
    const auto fits = [&labels](const std::vector<promql::Matcher>& selector) {
      return promql::MatchesAll(selector, labels);
    };
    return selectors.empty() || std::ranges::any_of(selectors, fits);
  }
};

Failure BadParameter(std::string_view name, std::string_view value, std::string_view want) {
  return InvalidArgumentError("invalid parameter \"" + std::string(name) + "\": \"" +
                              std::string(value) + "\" is not " + std::string(want));
}

Status ReadPages(const Params& params, RuleFilter* filter) {
  filter->next_token = params.Text("group_next_token").value_or("");
  const auto limit = params.Int("group_limit", 0, 1, INT32_MAX);
  if (!limit) return limit.error();
  filter->group_limit = static_cast<size_t>(*limit);
  if (!filter->next_token.empty() && filter->group_limit == 0) {
    return InvalidArgumentError(
        "invalid parameter \"group_limit\": group_limit needs to be set in order to paginate over "
        "the groups");
  }
  return {};
}

Result<RuleFilter> ReadFilter(const Params& params) {
  RuleFilter filter;
  if (const auto type = params.Text("type")) {
    if (*type != "alert" && *type != "record") {
      return InvalidArgumentError("not supported value for parameter type: \"" +
                                  std::string(*type) + "\" is neither alert nor record");
    }
    filter.alerting = *type == "alert";
    filter.recording = !filter.alerting;
  }
  if (const auto exclude = params.Text("exclude_alerts")) {
    if (*exclude != "true" && *exclude != "false") {
      return BadParameter("exclude_alerts", *exclude, "true or false");
    }
    filter.with_alerts = *exclude == "false";
  }
  filter.names = params.All("rule_name[]");
  filter.groups = params.All("rule_group[]");
  filter.files = params.All("file[]");
  for (const std::string_view text : params.All("match[]")) {
    Result<std::vector<promql::Matcher>> selector = promql::ParseSelector(text);
    if (!selector) return Failure(selector.error().WithContext("invalid parameter \"match[]\""));
    filter.selectors.push_back(*std::move(selector));
  }
  TOCSIN_RETURN_IF_ERROR(ReadPages(params, &filter));
  return filter;
}

void WriteGroup(const rules::GroupView& group, const RuleFilter& filter, JsonWriter* w) {
  w->BeginObject().Key("name").String(group.name).Key("file").String(group.file);
  w->Key("rules").BeginArray();
  for (const rules::RuleView& rule : group.rules) {
    if (filter.Matches(rule)) WriteRule(rule, filter.with_alerts, w);
  }
  w->EndArray().Key("interval");
  WriteSeconds(group.interval, w);
  w->Key("limit").Uint(group.limit).Key("evaluationTime");
  WriteSeconds(group.evaluation_time, w);
  w->Key("lastEvaluation").String(FormatRfc3339(group.last_evaluation)).EndObject();
}

// Names a group in a token that stays the same while the rules do.
std::string TokenOf(const rules::GroupView& group) {
  const Hash128Value hash = Hash128(group.file + std::string(1, '\0') + group.name);
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  return text.data();
}

http::Response Rules(const RulesBackend& backend, const http::Request& request) {
  const Params params(request);
  const Result<RuleFilter> filter = ReadFilter(params);
  if (!filter) return PrometheusError(filter.error());
  JsonWriter w;
  w.BeginObject().Key("groups").BeginArray();
  size_t written = 0;
  bool begun = filter->next_token.empty();
  std::string next;
  for (const auto& group : backend.groups()) {
    if (!begun) begun = TokenOf(*group) == filter->next_token;
    if (!begun || !filter->Matches(*group)) continue;
    const bool any = std::ranges::any_of(
        group->rules, [&](const rules::RuleView& rule) { return filter->Matches(rule); });
    if (!any && !group->rules.empty()) continue;
    if (filter->group_limit > 0 && written == filter->group_limit) {
      next = TokenOf(*group);
      break;
    }
    WriteGroup(*group, *filter, &w);
    ++written;
  }
  if (!begun) {
    return PrometheusError(InvalidArgumentError("invalid group_next_token '" +
                                                std::string(filter->next_token) +
                                                "'. were rule groups changed?"));
  }
  w.EndArray();
  if (!next.empty()) w.Key("groupNextToken").String(next);
  w.EndObject();
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
