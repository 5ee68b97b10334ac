// Templates of notifications: Alertmanager's functions, its data and the templates that it brings
// along. The values are those of Alertmanager's documentation and of its own tables.

#include "cpp/alerting/notification_template.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/temporary_directory.h"

namespace tocsin::alerting {
namespace {

// 2024-01-01T08:15:30Z.
constexpr Nanos kNow = 1'704'096'930 * kSecond;

struct Row {
  std::string_view text;
  std::string_view want;
};

GroupMessage Message() {
  GroupMessage message;
  message.receiver = "team.a";
  message.group_key = "{}:{}";
  message.group_labels = Labels{{"alertname", "Busy"}, {"zone", "eu"}};
  message.route_labels = Labels{{"team", "a"}};
  message.reason = "first notification";
  message.external_url = "http://tocsin:3200";
  message.now = kNow;
  Alert busy;
  busy.labels = Labels{{"alertname", "Busy"}, {"job", "x"}, {"severity", "page"}, {"zone", "eu"}};
  busy.annotations = {{"summary", "it is busy"}};
  busy.starts_at = kNow - 90 * kSecond;
  busy.ends_at = kNow + kHour;
  busy.generator_url = "http://tocsin:3200/graph";
  Alert over = busy;
  over.labels.Set("job", "y");
  over.ends_at = kNow - kSecond;
  message.alerts = {busy, over};
  return message;
}

NotificationTemplates Templates(const std::vector<std::string>& files = {}) {
  return *NotificationTemplates::Load(files);
}

void Check(std::span<const Row> rows) {
  const NotificationTemplates templates = Templates();
  for (const Row& row : rows) {
    const Result<std::string> got = templates.Expand(row.text, Message());
    ASSERT_TRUE(got.has_value()) << row.text << ": " << got.error().message();
    EXPECT_EQ(*got, row.want) << row.text;
  }
}

TEST(NotificationTemplateTest, FunctionsGiveWhatAlertmanagersGive) {
  Check(std::array<Row, 39>{
      {{"abc", "abc"},
       {"{{ \"abc\" | toUpper }} {{ \"ABC\" | toLower }}", "ABC abc"},
       {"{{ \"abc DEF\" | title }}", "Abc Def"},
       {"{{ \" a b c \" | trimSpace }}", "a b c"},
       {"{{ if match \"^a\" \"abc\"}}abc{{ end }}", "abc"},
       {"{{ if match \"abcd\" \"abc\" }}abc{{ end }}", ""},
       {"{{ stringSlice \"a\" \"b\" \"c\" | join \",\" }}", "a,b,c"},
       {"{{ (stringSlice \"a\" \"b\").Join \"+\" }}", "a+b"},
       {"{{ \"<b>\" }}{{ \"<b>\" | safeHtml }}{{ \"q=%20\" | safeUrl }}", "<b><b>q=%20"},
       {"{{ reReplaceAll \"ab\" \"AB\" \"abcdabcda\" }}", "ABcdABcda"},
       {"{{ \"search?q=test%20foo\" | urlUnescape }}", "search?q=test foo"},
       {"{{ \"test\" | toJson }}", "\"test\""},
       {"{{ 42 | toJson }} {{ true | toJson }}", "42 true"},
       {"{{ dict \"key\" \"value\" \"number\" 123 | toJson }}", R"({"key":"value","number":123})"},
       {"{{ stringSlice \"a\" \"b\" | toJson }}", R"(["a","b"])"},
       {"{{ .CommonLabels | toJson }}", R"({"alertname":"Busy","severity":"page","zone":"eu"})"},
       {"{{ \"test\" | base64encode }}", "dGVzdA=="},
       {"{{ \"flush>>\" | base64encode }}", "Zmx1c2g-Pg=="},
       {"{{ \"dGVzdA==\" | base64decode }}", "test"},
       {"{{- $test := dict -}}{{ $test }}", "map[]"},
       {"{{- $test := dict \"a\" 1 \"b\" 2 -}}{{ $test }}", "map[a:1 b:2]"},
       {"{{- $test := list -}}{{ $test }}", "[]"},
       {"{{- $test := list \"a\" \"b\" -}}{{ $test = append $test \"c\" -}}{{ $test }}", "[a b c]"},
       {"{{- $l := list -}}{{ range .Alerts }}{{ $m := dict \"status\" .Status \"job\" .Labels.job "
        "}}"
        "{{ $l = append $l $m }}{{ end }}{{ toJson $l }}",
        R"([{"job":"x","status":"firing"},{"job":"y","status":"resolved"}])"},
       {"{{ routeLabels \"team\" }}[{{ routeLabels \"nope\" }}]", "a[]"},
       {"{{ now | date \"2006-01-02\" }}", "2024-01-01"},
       {"{{ toDate \"2006-01-02\" \"2023-12-31\" | date \"01/02/2006\" }}", "12/31/2023"},
       {"{{ mustToDate \"2006-01-02\" \"2023-12-31\" | date \"01/02/2006\" }}", "12/31/2023"},
       {"{{ (toDate \"2006-01-02\" \"tomorrow\").IsZero }}", "true"},
       {"{{ now | tz \"UTC\" }}", "2024-01-01 08:15:30 +0000 UTC"},
       {"{{ now | tz \"Europe/Paris\" }}", "2024-01-01 09:15:30 +0100 CET"},
       {"{{ now | tz \"Europe/Paris\" | date \"15:04 -0700 Z07:00\" }}", "09:15 +0100 +01:00"},
       {"{{ now | tz \"Asia/Kolkata\" | date \"2006-01-02T15:04:05Z07:00\" }}",
        "2024-01-01T13:45:30+05:30"},
       {"{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}", "1m 30s"},
       {"{{ humanizeDuration \"3600\" }} {{ humanizeDuration 0.1 }}", "1h 0m 0s 100ms"},
       {"{{ (index .Alerts 0).EndsAt }} {{ (index .Alerts 0).EndsAt.IsZero }}",
        "0001-01-01 00:00:00 +0000 UTC true"},
       {"{{ (index .Alerts 1).EndsAt.Format \"15:04:05\" }}", "08:15:29"},
       {"{{ (index .Alerts.Resolved 0) | toJson }}",
        R"({"status":"resolved","labels":{"alertname":"Busy","job":"y","severity":"page",)"
        R"("zone":"eu"},"annotations":{"summary":"it is busy"},"startsAt":"2024-01-01T08:14:00Z",)"
        R"("endsAt":"2024-01-01T08:15:29Z","generatorURL":"http://tocsin:3200/graph",)"
        R"("fingerprint":"4238b03c15af5171"})"},
       {"{{ (index .Alerts.Firing 0).EndsAt | toJson }}", "\"0001-01-01T00:00:00Z\""}}});
}

TEST(NotificationTemplateTest, DataIsAlertmanagers) {
  Check(std::array<Row, 18>{
      {{"{{ .Receiver }} {{ .Status }} {{ .NotificationReason }} {{ .ExternalURL }}",
        "team\\.a firing first notification http://tocsin:3200"},
       {"{{ len .Alerts }} {{ .Alerts.Firing | len }} {{ len .Alerts.Resolved }}", "2 1 1"},
       {"{{ .GroupLabels.alertname }}[{{ .GroupLabels.nope }}]", "Busy[]"},
       {"{{ .GroupLabels }}", "alertname=Busy, zone=eu"},
       {"{{ .GroupLabels.SortedPairs.Values | join \" \" }}", "Busy eu"},
       {"{{ .CommonLabels.Names }}", "[alertname severity zone]"},
       {"{{ .CommonLabels.Values.Join \":\" }}", "Busy:page:eu"},
       {"{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
        "alertname=Busy;severity=page;zone=eu;"},
       {"{{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values }}{{ end }}", "[page]"},
       {"{{ with .GroupLabels.Remove (stringSlice \"zone\") }}{{ .SortedPairs.Values }}{{ end }}",
        "[Busy]"},
       {"{{ with .GroupLabels.Remove .GroupLabels.Names }}some{{ else }}none{{ end }}", "none"},
       {"{{ .CommonAnnotations.summary }}", "it is busy"},
       {"{{ range .Alerts }}{{ .Labels.job }}:{{ .Status }} {{ end }}", "x:firing y:resolved "},
       {"{{ range $k, $v := .GroupLabels }}{{ $k }}={{ $v }},{{ end }}", "alertname=Busy,zone=eu,"},
       {"{{ index .CommonLabels \"severity\" }}", "page"},
       {"{{ .RouteLabels.team }}", "a"},
       {"{{ (index .Alerts 0).Fingerprint | len }}", "16"},
       {"{{ .CommonLabels.SortedPairs }}", "alertname=Busy, severity=page, zone=eu"}}});
}

TEST(NotificationTemplateTest, TheTemplatesThatAlertmanagerBringsAreThere) {
  const std::string lists =
      "Labels:\n - alertname = Busy\n - job = x\n - severity = page\n - zone = eu\n"
      "Annotations:\n - summary = it is busy\nSource: http://tocsin:3200/graph\n";
  std::string resolved = lists;
  resolved.replace(resolved.find("job = x"), 7, "job = y");
  const NotificationTemplates templates = Templates();
  const auto expand = [&](std::string_view name) {
    return templates.Expand("{{ template \"" + std::string(name) + "\" . }}", Message())
        .value_or("an error");
  };
  EXPECT_EQ(expand("__subject"), "[FIRING:1] Busy eu (page)");
  EXPECT_EQ(expand("slack.default.title"), "[FIRING:1] Busy eu (page)");
  EXPECT_EQ(expand("__alertmanagerURL"), "http://tocsin:3200/#/alerts?receiver=team%5C.a");
  EXPECT_EQ(expand("slack.default.color"), "danger");
  EXPECT_EQ(expand("slack.default.fallback"),
            "[FIRING:1] Busy eu (page) | http://tocsin:3200/#/alerts?receiver=team%5C.a");
  EXPECT_EQ(expand("opsgenie.default.description"),
            "it is busy\nAlerts Firing:\n" + lists + "\nAlerts Resolved:\n" + resolved);
  EXPECT_EQ(expand("telegram.default.message"),
            "\n\nAlerts Firing:\n" + lists + "\n\n\nAlerts Resolved:\n" + resolved + "\n\n");
  EXPECT_EQ(expand("discord.default.content"), "");
  EXPECT_NE(expand("msteamsv2.default.text").find("# Alerts Firing:\n\nLabels:\n  - alertname"),
            std::string::npos);
  GroupMessage over = Message();
  over.alerts = {over.alerts[1]};
  EXPECT_EQ(templates.Expand("{{ template \"__subject\" . }}", over).value(),
            "[RESOLVED] Busy eu (y page)");
  over.group_labels = over.alerts[0].labels;
  EXPECT_EQ(templates.Expand("{{ template \"__subject\" . }}", over).value(),
            "[RESOLVED] Busy y page eu ");
}

TEST(NotificationTemplateTest, PrioritiesOfJiraFollowTheSeverity) {
  const auto priority = [](const std::vector<std::string>& severities) {
    GroupMessage message = Message();
    const Alert alert = message.alerts[0];
    message.alerts.clear();
    for (const std::string& severity : severities) {
      message.alerts.push_back(alert);
      message.alerts.back().labels.Set("severity", severity);
    }
    return Templates().Expand("{{ template \"jira.default.priority\" . }}", message).value();
  };
  EXPECT_EQ(priority({"page"}), "");
  EXPECT_EQ(priority({"info"}), "Low");
  EXPECT_EQ(priority({"info", "warning"}), "Medium");
  EXPECT_EQ(priority({"critical", "warning", "info"}), "High");
}

TEST(NotificationTemplateTest, MistakesHavePositions) {
  const NotificationTemplates templates = Templates();
  const auto error_of = [&](std::string_view text) {
    const Result<std::string> got = templates.Expand(text, Message());
    return got.has_value() ? "no error: " + *got : std::string(got.error().message());
  };
  EXPECT_EQ(error_of("{{ nope }}"), "line 1, column 4: function \"nope\" not defined");
  EXPECT_NE(error_of("{{ .Nope }}").find("line 1, column 4: can't evaluate field Nope"),
            std::string::npos);
  EXPECT_NE(error_of("{{ dict \"a\" }}").find("even number"), std::string::npos);
  EXPECT_NE(error_of("{{ dict 1 2 }}").find("keys must be strings"), std::string::npos);
  EXPECT_NE(error_of("{{ \"not-valid-base64!\" | base64decode }}").find("illegal base64"),
            std::string::npos);
  EXPECT_NE(error_of("{{ \"%zz\" | urlUnescape }}").find("invalid URL escape"), std::string::npos);
  EXPECT_NE(error_of("{{ now | tz \"Invalid/Zone\" }}").find("error calling tz"),
            std::string::npos);
  EXPECT_NE(error_of("{{ template \"nope\" . }}").find("template \"nope\" not defined"),
            std::string::npos);
  EXPECT_NE(error_of("{{ .GroupLabels.Remove \"a\" }}").find("expected a list of names"),
            std::string::npos);
}

class TemplateFilesTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, std::string_view text) const {
    return folder_.Write(name, text);
  }

  const TemporaryDirectory folder_;
};

TEST_F(TemplateFilesTest, LaterFilesOverrideEarlierOnesAndTheDefaults) {
  const NotificationTemplates templates =
      Templates({Write("1.tmpl",
                       "{{ define \"a\" }}one{{ end }}{{ define \"b\" }}{{ template \"a\" . }}!"
                       "{{ end }}"),
                 Write("2.tmpl",
                       "{{ define \"a\" }}two{{ end }}"
                       "{{ define \"__alertmanager\" }}Tocsin{{ end }}")});
  EXPECT_EQ(templates.Expand("{{ template \"b\" . }}", Message()).value(), "two!");
  const NotificationTemplates by_pattern = Templates({folder_ / "*.tmpl", folder_ / "none-*"});
  EXPECT_EQ(by_pattern.Expand("{{ template \"b\" . }}", Message()).value(), "two!");
  EXPECT_EQ(templates.Expand("{{ template \"slack.default.username\" . }}", Message()).value(),
            "Tocsin");
}

TEST_F(TemplateFilesTest, MistakesInFilesAreNamed) {
  const std::string path = Write("bad.tmpl", "{{ define \"a\" }}\n{{ .Labels | nope }}{{ end }}");
  const auto loaded = NotificationTemplates::Load(std::vector{path});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().message(), path + ": line 2, column 14: function \"nope\" not defined");
  const std::string fails = Write("fails.tmpl", "{{ define \"f\" }}\n\n{{ .Nope }}{{ end }}");
  const Result<std::string> got = Templates({fails}).Expand("{{ template \"f\" . }}", Message());
  ASSERT_FALSE(got.has_value());
  EXPECT_TRUE(got.error().message().starts_with(fails + ": line 3, column 4: "))
      << got.error().message();
  EXPECT_EQ(
      NotificationTemplates::Load(std::vector<std::string>{"/nonexistent.tmpl"}).error().code(),
      StatusCode::kNotFound);
}

TEST(NotificationPayloadTest, EveryTextIsATemplateAndMayBecomeAValue) {
  const NotificationTemplates templates = Templates();
  const auto payload = [&](std::string_view json) {
    return templates.ExpandPayload(json, Message()).value_or("an error");
  };
  EXPECT_EQ(payload(R"("{{ .Status }}")"), "\"firing\"\n");
  EXPECT_EQ(payload(R"({"b":"{{ len .Alerts }}","a":[1,2.5,null,true,"x{{ .Status }}"]})"),
            "{\"a\":[1,2.5,null,true,\"xfiring\"],\"b\":2}\n");
  EXPECT_EQ(payload(R"({"labels":"{{ toJson .CommonLabels }}"})"),
            "{\"labels\":{\"alertname\":\"Busy\",\"severity\":\"page\",\"zone\":\"eu\"}}\n");
  EXPECT_EQ(payload(R"({"{{ .Status }}":"a: b"})"), "{\"firing\":{\"a\":\"b\"}}\n");
  EXPECT_EQ(payload(R"(["{{ .CommonAnnotations.summary }}", "<&>"])"),
            "[\"it is busy\",\"\\u003c\\u0026\\u003e\"]\n");
  EXPECT_EQ(payload(R"({"a":"{{ nope }}"})"), "an error");
  EXPECT_TRUE(templates.CheckPayload(R"({"a":"{{ .Anything }}"})").ok());
  EXPECT_FALSE(templates.CheckPayload(R"({"a":"{{ nope }}"})").ok());
  EXPECT_FALSE(templates.CheckPayload("{").ok());
}

TEST(RouteLabelsTest, NameEachOtherOnceAndNotInACircle) {
  const Labels raw{{"rl1", "rl1"},
                   {"rl2", "{{ .GroupLabels.zone }}"},
                   {"rl3", "{{ routeLabels \"rl2\" }} recursive"},
                   {"self", "{{ routeLabels \"self\" }}"},
                   {"x", "{{ routeLabels \"y\" }}"},
                   {"y", "{{ routeLabels \"x\" }}"}};
  EXPECT_EQ(Templates().RouteLabels(raw, Message()),
            (Labels{{"rl1", "rl1"}, {"rl2", "eu"}, {"rl3", "eu recursive"}}));
}

}  // namespace
}  // namespace tocsin::alerting
