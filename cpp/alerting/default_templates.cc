// Most of the names are the same few texts for another service, so that a table says it all.

#include "cpp/alerting/default_templates.h"

#include <initializer_list>
#include <string_view>

namespace tocsin::alerting {
namespace {

constexpr std::string_view kBasics = R"(
{{- define "__alertmanager" }}Alertmanager{{ end }}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}{{ end }}
{{- define "__description" }}{{ end }}
{{- define "__subject" }}[{{ toUpper .Status }}
  {{- if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] {{ join " " .GroupLabels.SortedPairs.Values }} {{ if gt (len .CommonLabels) (len .GroupLabels) -}}
    ({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }})
  {{- end }}{{ end }}
{{- define "__text_alert_list" }}{{ range . }}Labels:
{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Annotations:
{{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Source: {{ .GeneratorURL }}
{{ end }}{{ end }}
{{- define "__text_alert_list_markdown" }}{{ range . }}
Labels:
{{ range .Labels.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Annotations:
{{ range .Annotations.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Source: {{ .GeneratorURL }}
{{ end }}
{{ end }}
{{- define "tocsin.annotations" }}{{ join " " .CommonAnnotations.SortedPairs.Values }}{{ end }}
{{- define "tocsin.dense" }}{{ with .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" . }}
{{- end }}
{{ with .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" . }}
{{- end }}{{ end }}
{{- define "tocsin.wide" }}
{{ if .Alerts.Firing }}
Alerts Firing:
{{ template "__text_alert_list" .Alerts.Firing }}
{{ end }}
{{ if .Alerts.Resolved }}
Alerts Resolved:
{{ template "__text_alert_list" .Alerts.Resolved }}
{{ end }}
{{ end }}
{{- define "tocsin.markdown" }}
{{ if .Alerts.Firing }}
# Alerts Firing:
{{ template "__text_alert_list_markdown" .Alerts.Firing }}
{{ end }}
{{ if .Alerts.Resolved }}
# Alerts Resolved:
{{ template "__text_alert_list_markdown" .Alerts.Resolved }}
{{ end }}
{{ end }}
{{- define "jira.default.priority" }}{{ $priority := "" -}}
  {{- range .Alerts.Firing }}{{ $priority = tmpl "tocsin.urgent" (list $priority .Labels.severity) }}{{ end -}}
  {{- if not $priority }}{{ range .Alerts.Resolved -}}
    {{ $priority = tmpl "tocsin.urgent" (list $priority .Labels.severity) }}{{ end }}{{ end -}}
  {{ $priority }}{{ end }}
{{- define "tocsin.urgent" }}{{ $known := index . 0 }}{{ $severity := index . 1 -}}
  {{ if eq $severity "critical" }}High
  {{- else if and (eq $severity "warning") (ne $known "High") }}Medium
  {{- else if and (eq $severity "info") (not $known) }}Low
  {{- else }}{{ $known }}{{ end }}{{ end }}
)";

constexpr std::string_view kSubject = R"({{ template "__subject" . }})";
constexpr std::string_view kClient = R"({{ template "__alertmanager" . }})";
constexpr std::string_view kLink = R"({{ template "__alertmanagerURL" . }})";
constexpr std::string_view kColor = R"({{ if eq .Status "firing" }}danger{{ else }}good{{ end }})";
constexpr std::string_view kDense =
    "{{ template \"tocsin.annotations\" . }}\n"
    "{{ template \"tocsin.dense\" . }}";
constexpr std::string_view kWide = R"({{ template "tocsin.wide" . }})";
constexpr std::string_view kAnnotatedWide =
    R"({{ template "tocsin.annotations" . }}{{ template "tocsin.wide" . }})";
constexpr std::string_view kMarkdown = R"({{ template "tocsin.markdown" . }})";

struct Rest {
  std::string_view text;
  std::initializer_list<std::string_view> names;
};

}  // namespace

std::string DefaultTemplates() {
  const Rest table[] = {
      {kSubject,
       {"slack.default.title", "pagerduty.default.description", "opsgenie.default.message",
        "wechat.default.subject", "victorops.default.entity_display_name", "pushover.default.title",
        "sns.default.subject", "discord.default.title", "msteams.default.summary",
        "msteams.default.title", "msteamsv2.default.title", "jira.default.summary",
        "rocketchat.default.title", "mattermost.default.title"}},
      {kClient,
       {"slack.default.username", "pagerduty.default.client", "victorops.default.monitoring_tool",
        "rocketchat.default.alias", "mattermost.default.username"}},
      {kLink,
       {"slack.default.titlelink", "pagerduty.default.clientURL", "opsgenie.default.source",
        "pushover.default.url", "rocketchat.default.titlelink", "mattermost.default.titlelink"}},
      {kColor, {"slack.default.color", "mattermost.default.color"}},
      {"",
       {"slack.default.callbackid", "slack.default.pretext", "slack.default.iconemoji",
        "slack.default.iconurl", "slack.default.text", "slack.default.footer",
        "wechat.default.to_user", "wechat.default.to_party", "wechat.default.to_tag",
        "wechat.default.agent_id", "discord.default.content", "rocketchat.default.emoji",
        "rocketchat.default.iconurl", "rocketchat.default.text"}},
      {kDense, {"opsgenie.default.description", "victorops.default.state_message"}},
      {kAnnotatedWide,
       {"pushover.default.message", "sns.default.message", "webex.default.message"}},
      {kWide, {"telegram.default.message", "discord.default.message"}},
      {kMarkdown,
       {"msteams.default.text", "msteamsv2.default.text", "jira.default.description",
        "mattermost.default.text"}},
      {R"({{ template "__text_alert_list" . }})", {"pagerduty.default.instances"}},
      {R"({{ template "__subject" . }} | {{ template "__alertmanagerURL" . }})",
       {"slack.default.fallback", "mattermost.default.fallback"}},
      {"{{ template \"__subject\" . }}\n{{ template \"tocsin.annotations\" . }}\n"
       "{{ template \"tocsin.dense\" . }}\nAlertmanagerUrl:\n{{ template \"__alertmanagerURL\" . "
       "}}",
       {"wechat.default.message"}},
  };
  std::string text(kBasics);
  for (const Rest& rest : table) {
    for (const std::string_view name : rest.names) {
      text.append("{{ define \"")
          .append(name)
          .append("\" }}")
          .append(rest.text)
          .append("{{ end }}");
    }
  }
  return text;
}

}  // namespace tocsin::alerting
