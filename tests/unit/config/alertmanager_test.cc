// alertmanager: the configuration of an Alertmanager, here or in a file of its own.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/load.h"
#include "cpp/config/yaml_text.h"
#include "cpp/lib/yaml.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kFull = R"(
global:
  resolve_timeout: 10m
  http_config: {basic_auth: {username: me, password: hunter2}}
templates: [tmpl/*.tmpl, /abs/x.tmpl]
route:
  receiver: team
  group_by: [alertname, cluster]
  group_wait: 10s
  repeat_interval: 3h
  labels: {owner: ops}
  routes:
  - matchers: ['severity="page"', 'env=~"p.*",team!=x']
    receiver: pager
    continue: true
    group_by: ['...']
    group_interval: 1m
    labels: {owner: pager, level: "1"}
    active_time_intervals: [office]
    routes:
    - match: {job: node}
      match_re: {instance: a|b}
      mute_time_intervals: [nights]
  - group_by: []
receivers:
- name: team
  webhook_configs:
  - url: http://user:secret@hooks/{{ .GroupLabels.cluster }}
    max_alerts: 5
    timeout: 2s
    payload: {text: '{{ .Status }}', n: 1, list: [true, "1", ~]}
- name: pager
  webhook_configs:
  - url_file: page.url
    send_resolved: false
    http_config: {follow_redirects: false}
inhibit_rules:
- name: pages
  source_matchers: [severity="page"]
  target_match: {severity: warn}
  target_match_re: {job: .+}
  equal: [cluster]
mute_time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: "22:00", end_time: "24:00"}]
    location: Europe/Berlin
time_intervals:
- name: office
  time_intervals:
  - weekdays: ['monday:friday']
    days_of_month: ['1:-1', -3]
    months: [may:august, 12]
    years: [2026, '2027:2030']
exact_repeat: true
)";

std::string Indented(std::string_view text) {
  std::string out = "alertmanager:\n";
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out.append("  ").append(text.substr(begin, end - begin)).append("\n");
    begin = end + 1;
  }
  return out;
}

Result<Loaded> LoadText(const std::string& text) {
  return Load({.text = text, .file_name = "etc/tocsin.yaml", .overrides = {}});
}

Loaded MustLoad(const std::string& text) {
  Result<Loaded> loaded = LoadText(text);
  EXPECT_TRUE(loaded.has_value()) << loaded.error().ToString();
  return loaded.has_value() ? *std::move(loaded) : Loaded();
}

void ExpectRoutes(const routing::Route& root) {
  EXPECT_EQ(root.group_wait, 10 * kSecond);
  EXPECT_EQ(root.group_interval, 5 * kMinute);
  ASSERT_EQ(root.routes.size(), 2U);
  const routing::Route& page = root.routes[0];
  EXPECT_EQ(page.key, R"({}/{env=~"p.*",severity="page",team!="x"})");
  EXPECT_EQ(page.receiver, "pager");
  EXPECT_TRUE(page.continues);
  EXPECT_TRUE(page.group_by_all);
  EXPECT_EQ(page.group_wait, 10 * kSecond);  // Of its parent.
  EXPECT_EQ(page.group_interval, kMinute);
  EXPECT_EQ(page.labels, (Labels{{"owner", "pager"}, {"level", "1"}}));
  EXPECT_THAT(page.active_time_intervals, ElementsAre("office"));
  ASSERT_EQ(page.routes.size(), 1U);
  const routing::Route& node = page.routes[0];
  EXPECT_EQ(node.id, page.id + R"(/{instance=~"^(?:a|b)$",job="node"}/0)");
  EXPECT_EQ(node.receiver, "pager");
  EXPECT_TRUE(node.group_by_all);
  EXPECT_FALSE(node.continues);  // Neither this nor the intervals come from above.
  EXPECT_THAT(node.active_time_intervals, IsEmpty());
  EXPECT_EQ(node.repeat_interval, 3 * kHour);
  EXPECT_EQ(root.routes[1].receiver, "team");
  EXPECT_THAT(root.routes[1].group_by, IsEmpty());
  EXPECT_EQ(root.routes[1].labels.Get("owner"), "ops");
}

void ExpectReceivers(const std::vector<routing::Receiver>& receivers) {
  ASSERT_EQ(receivers.size(), 2U);
  const routing::Webhook& team = receivers[0].webhooks.at(0);
  EXPECT_EQ(team.url.value, "http://user:secret@hooks/{{ .GroupLabels.cluster }}");
  EXPECT_TRUE(team.send_resolved);
  EXPECT_EQ(team.max_alerts, 5U);
  EXPECT_EQ(team.timeout, 2 * kSecond);
  EXPECT_EQ(team.payload, R"({"text":"{{ .Status }}","n":1,"list":[true,"1",null]})");
  ASSERT_TRUE(team.client.basic_auth.has_value());
  EXPECT_EQ(team.client.basic_auth->password.value, "hunter2");
  const routing::Webhook& pager = receivers[1].webhooks.at(0);
  EXPECT_EQ(pager.url.file, "etc/page.url");
  EXPECT_FALSE(pager.send_resolved);
  EXPECT_FALSE(pager.client.basic_auth.has_value());  // One http_config or the other.
  EXPECT_FALSE(pager.client.follow_redirects);
}

TEST(AlertmanagerTest, EveryKeyIsRead) {
  const Loaded loaded = MustLoad(Indented(kFull));
  const routing::Config& config = loaded.config.routing;
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_EQ(config.resolve_timeout, 10 * kMinute);
  EXPECT_TRUE(config.exact_repeat);
  EXPECT_THAT(config.template_files, ElementsAre("etc/tmpl/*.tmpl", "/abs/x.tmpl"));
  ExpectRoutes(config.route);
  ExpectReceivers(config.receivers);
  ASSERT_EQ(config.inhibit_rules.size(), 1U);
  EXPECT_EQ(config.inhibit_rules[0].name, "pages");
  EXPECT_EQ(routing::ToString(config.inhibit_rules[0].source), R"({severity="page"})");
  EXPECT_EQ(routing::ToString(config.inhibit_rules[0].target),
            R"({severity="warn",job=~"^(?:.+)$"})");
  EXPECT_THAT(config.inhibit_rules[0].equal, ElementsAre("cluster"));
  ASSERT_EQ(config.time_intervals.size(), 2U);
  EXPECT_EQ(config.time_intervals[0].name, "nights");
  EXPECT_EQ(config.time_intervals[0].intervals[0].location, "Europe/Berlin");
  const routing::TimeInterval& office = config.time_intervals[1].intervals[0];
  EXPECT_THAT(office.weekdays, ElementsAre(routing::TimeRange{1, 5}));
  EXPECT_THAT(office.days_of_month,
              ElementsAre(routing::TimeRange{1, -1}, routing::TimeRange{-3, -3}));
  EXPECT_THAT(office.months, ElementsAre(routing::TimeRange{5, 8}, routing::TimeRange{12, 12}));
  EXPECT_THAT(office.years,
              ElementsAre(routing::TimeRange{2026, 2026}, routing::TimeRange{2027, 2030}));
}

TEST(AlertmanagerTest, AnEmptyListInATimeIntervalHoldsNothing) {
  for (const std::string_view list : {"times", "weekdays", "days_of_month", "months", "years"}) {
    const auto never = [list](std::string_view value) {
      const Loaded loaded = MustLoad(
          "alertmanager: {route: {receiver: r}, receivers: [{name: r}], time_intervals: "
          "[{name: n, time_intervals: [{" +
          std::string(list) + ": " + std::string(value) + "}]}]}");
      const Loaded again = MustLoad(loaded.effective);
      const routing::TimeInterval& read = loaded.config.routing.time_intervals[0].intervals[0];
      EXPECT_EQ(again.config.routing.time_intervals[0].intervals[0].never, read.never);
      return read.never;
    };
    EXPECT_TRUE(never("[]")) << list;
    EXPECT_FALSE(never("null")) << list;
  }
}

TEST(AlertmanagerTest, TheEffectiveFileLoadsToTheSameAndShowsNoSecrets) {
  const Loaded loaded = MustLoad(Indented(kFull));
  for (const std::string_view secret : {"hunter2", "hooks"}) {
    EXPECT_THAT(loaded.effective, Not(HasSubstr(secret)));
    EXPECT_THAT(loaded.config.routing.original, Not(HasSubstr(secret)));
  }
  EXPECT_THAT(loaded.effective, HasSubstr("group_wait: 10s  # etc/tocsin.yaml:10:17\n"));
  EXPECT_THAT(loaded.effective, HasSubstr("group_interval: 1m  # etc/tocsin.yaml:18:23\n"));
  const Result<Loaded> again = Load({.text = loaded.effective, .file_name = "", .overrides = {}});
  ASSERT_TRUE(again.has_value()) << again.error().ToString() << "\n" << loaded.effective;
  const routing::Config& before = loaded.config.routing;
  const routing::Config& after = again->config.routing;
  EXPECT_EQ(after.route.routes[0].routes[0].id, before.route.routes[0].routes[0].id);
  EXPECT_EQ(after.route.routes[0].labels, before.route.routes[0].labels);
  EXPECT_EQ(after.receivers[0].webhooks[0].payload, before.receivers[0].webhooks[0].payload);
  EXPECT_EQ(after.receivers[1].webhooks[0].client, before.receivers[1].webhooks[0].client);
  EXPECT_EQ(after.time_intervals[1].intervals[0].months,
            before.time_intervals[1].intervals[0].months);
  EXPECT_EQ(after.template_files, before.template_files);
  EXPECT_EQ(after.exact_repeat, before.exact_repeat);
}

TEST(AlertmanagerTest, TheOriginalIsYamlOfTheSameMeaning) {
  const Loaded loaded = MustLoad(Indented(kFull));
  const std::string& original = loaded.config.routing.original;
  EXPECT_THAT(original, HasSubstr("- url: <secret>\n"));
  EXPECT_THAT(original, HasSubstr("password: <secret>\n"));
  EXPECT_THAT(original, Not(HasSubstr("exact_repeat")));  // Not a word of Alertmanager's.
  const Loaded again = MustLoad(Indented(original));
  EXPECT_EQ(again.config.routing.route.routes[0].id, loaded.config.routing.route.routes[0].id);
  EXPECT_EQ(again.config.routing.original, original);
}

class FileTest : public testing::Test {
 protected:
  void Write(std::string_view text) { home_.Write("am/am.yml", text); }
  Result<Loaded> LoadMain(std::string text) const {
    return Load({.text = std::move(text), .file_name = folder_ + "/tocsin.yaml", .overrides = {}});
  }

  const TemporaryDirectory home_;
  const std::string& folder_ = home_.path();
};

TEST_F(FileTest, AFileOfItsOwnIsRead) {
  Write(kFull);
  const auto loaded = LoadMain("alertmanager: am/am.yml");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const routing::Config& config = loaded->config.routing;
  EXPECT_EQ(config.route.receiver, "team");
  EXPECT_EQ(config.receivers[1].webhooks[0].url.file, folder_ + "/am/page.url");
  EXPECT_EQ(config.template_files[0], folder_ + "/am/tmpl/*.tmpl");
  EXPECT_THAT(loaded->effective, HasSubstr("group_wait: 10s  # " + folder_ + "/am/am.yml:9:15\n"));
}

TEST_F(FileTest, OurOwnKeyStandsBesideTheFile) {
  Write("route: {receiver: a, routes: [{matchers: ['x=a b']}]}\nreceivers: [{name: a}]\n");
  const auto loaded = LoadMain("alertmanager: {config_file: am/am.yml, exact_repeat: true}");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  EXPECT_TRUE(loaded->config.routing.exact_repeat);
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("/am/am.yml:1:43: \"x=a b\" is written in")));
  const auto wrong = LoadMain("alertmanager: {config_file: am/am.yml, route: {receiver: a}}");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(std::string(wrong.error().message()), HasSubstr("unknown key \"route\""));
}

TEST_F(FileTest, ErrorsNameBothFiles) {
  Write("route:\n  receiver: b\nreceivers: [{name: a}]\n");
  const auto error_of = [&](std::string text) {
    return std::string(LoadMain(std::move(text)).error().message());
  };
  EXPECT_EQ(error_of("alertmanager: am/am.yml"),
            folder_ + "/tocsin.yaml: line 1, column 15: " + folder_ +
                "/am/am.yml: line 2, column 13: route.receiver: undefined receiver \"b\" used in "
                "route");
  EXPECT_THAT(error_of("alertmanager: am/none.yml"),
              HasSubstr("line 1, column 15: alertmanager: cannot read " + folder_));
  EXPECT_THAT(error_of("alertmanager: am"), HasSubstr("alertmanager: cannot read " + folder_));
  for (const std::string_view text : {"", "a: [", "[]", "route:"}) {
    Write(text);
    EXPECT_THAT(error_of("alertmanager: am/am.yml"), HasSubstr("/am/am.yml: line ")) << text;
  }
}

struct Case {
  std::string_view text;   ///< Below alertmanager.
  std::string_view error;  ///< "" for none.
};

constexpr std::string_view kReceivers = "receivers: [{name: a}, {name: b}]";

TEST(AlertmanagerTest, WhatIsWrongIsRefusedAtItsPlace) {
  constexpr Case kCases[] = {
      {"receivers: [{name: a}]", "line 1, column 15: alertmanager.route is missing"},
      {"route: {group_wait: 1s}", "column 23: route: root route must specify a default receiver"},
      {"route: {receiver: c}", "column 34: route.receiver: undefined receiver \"c\" used in route"},
      {"route: {receiver: a, matchers: [x=y]}", "root route must not have any matchers"},
      {"route: {receiver: a, match: {x: y}}", "root route must not have any matchers"},
      {"route: {receiver: a, continue: true}", "cannot have continue in root route"},
      {"route: {receiver: a, mute_time_intervals: [x]}", "must not have any mute time intervals"},
      {"route: {receiver: a, routes: [{receiver: c}]}",
       "column 57: route.routes[0].receiver: undefined receiver \"c\""},
      {"route: {receiver: a, routes: [{active_time_intervals: [x]}]}",
       "column 46: route.routes[0]: undefined time interval \"x\" used in route"},
      {"route: {receiver: a, group_by: [x, x]}", "group_by holds \"x\" twice"},
      {"route: {receiver: a, group_by: [x, '...']}", "group_by cannot hold \"...\" and other"},
      {"route: {receiver: a, group_by: ['']}", "group_by holds the invalid label name \"\""},
      {"route: {receiver: a, group_by: x}", "group_by must be a list"},
      {"route: {receiver: a, group_interval: 0s}", "group_interval must not be 0"},
      {"route: {receiver: a, repeat_interval: 0s}", "repeat_interval must not be 0"},
      {"route: {receiver: a, group_wait: 1.5h}", "group_wait is no duration such as"},
      {"route: {receiver: a, group_wait: -1s}", "group_wait is no duration such as"},
      {"route: {receiver: a, routes: [{matchers: ['x']}]}",
       "column 58: \"x\" is no matcher: column 2: expected one of = != =~ !~"},
      {"route: {receiver: a, routes: [{matchers: ['x=~\"(\"']}]}", "bad regular expression"},
      {"route: {receiver: a, routes: [{matchers: x=y}]}", "matchers must be a list"},
      {"route: {receiver: a, routes: [{match: {a-b: y}}]}", "invalid label name \"a-b\""},
      {"route: {receiver: a, routes: [{match_re: {x: '('}}]}", "bad regular expression"},
      {"route: {receiver: a, routes: [{match_re: {x: }}]}", "holds no pattern for \"x\""},
      {"route: {receiver: a, recevier: b}", "did you mean \"receiver\"?"},
      {"route: {receiver: a, labels: {'': x}}", "labels holds the invalid name"},
      {"inhibit_rules: [{source_matchers: [x]}]\n  route: {receiver: a}", "\"x\" is no matcher"},
      {"inhibit_rules: [{target_match: {'a b': x}}]\n  route: {receiver: a}", "invalid label name"},
      {"inhibit_rules: [{equal: ['']}]\n  route: {receiver: a}", "equal holds the invalid name"},
      {"time_intervals: [{}]\n  route: {receiver: a}", "time_intervals[0].name is missing"},
      {"time_intervals: [{name: x}, {name: x}]\n  route: {receiver: a}",
       "line 2, column 38: time_intervals[1].name: name \"x\" is not unique"},
      {"mute_time_intervals: [{name: x}]\n  time_intervals: [{name: x}]\n  route: {receiver: a}",
       "line 3, column 27: time_intervals[0].name: name \"x\" is not unique"},
      {"time_intervals: [{name: x, time_intervals: [{times: [{start_time: 10:00}]}]}]\n"
       "  route: {receiver: a}",
       "both start and end times must be provided"},
      {"time_intervals: [{name: x, time_intervals: [{weekdays: [mon]}]}]\n  route: {receiver: a}",
       "weekdays: \"mon\" is not a valid weekday"},
      {"time_intervals: [{name: x, time_intervals: [{location: Mars}]}]\n  route: {receiver: a}",
       "location cannot be used: unknown time zone \"Mars\""},
      {"global: {slack_api_url: http://x, slack_api_url_file: y}\n  route: {receiver: a}",
       "slack_api_url_file and slack_api_url exclude each other"},
      {"global: {smtp_smarthost: localhost}\n  route: {receiver: a}", "must be a host and a port"},
      {"global: {opsgenie_api_url: x}\n  route: {receiver: a}", "must be a URL"},
      {"global: {nope: x}\n  route: {receiver: a}", "unknown key \"nope\""},
      {"nope: {}\n  route: {receiver: a}", "unknown key \"nope\" in alertmanager"},
  };
  for (const auto& [text, error] : kCases) {
    std::string whole = "alertmanager: {";
    if (text.find('\n') == std::string_view::npos) {
      whole.append(text)
          .append(text.starts_with("receivers") ? "" : ", ")
          .append(text.starts_with("receivers") ? "" : kReceivers);
      whole.append("}");
    } else {
      whole = "alertmanager:\n  " + std::string(text) + "\n  " + std::string(kReceivers);
      whole.replace(whole.find('\n'), 1, "\n");
    }
    const auto loaded = LoadText(whole);
    ASSERT_FALSE(loaded.has_value()) << whole;
    EXPECT_THAT(std::string(loaded.error().message()), HasSubstr(error)) << whole;
  }
}

TEST(AlertmanagerTest, WebhooksAreChecked) {
  constexpr Case kCases[] = {
      {"{url: 'http://x/{{ .Status }}'}", ""},
      {"{url: 'https://x:1/y?z=1', max_alerts: 3, timeout: 500ms}", ""},
      {"{}", "url is missing"},
      {"{url: 'http://x', url_file: y}", "url_file and url exclude each other"},
      {"{url: 'ftp://x'}", "url must be a URL such as"},
      {"{url: 'http://x', http_config: {bearer_token: a, basic_auth: {username: b}}}",
       "stands beside another way to authorize"},
      {"{url: 'http://x', http_config: {nope: 1}}", "unknown key \"nope\""},
      {"{url: 'http://x', max_alerts: -1}", "is no whole number"},
      {"{url: 'http://x', timeout: soon}", "is no duration"},
  };
  for (const auto& [text, error] : kCases) {
    const auto loaded =
        LoadText("alertmanager: {route: {receiver: a}, receivers: [{name: a, webhook_configs: [" +
                 std::string(text) + "]}]}");
    const std::string found = loaded.has_value() ? "" : std::string(loaded.error().message());
    if (error.empty()) {
      EXPECT_EQ(found, "") << text;
    } else {
      EXPECT_THAT(found, HasSubstr(error)) << text;
    }
  }
}

TEST(AlertmanagerTest, ReceiversOfOtherKindsAreRefusedWithAWayOut) {
  const auto error_of = [](const std::string& configs) {
    const auto loaded =
        LoadText("alertmanager: {route: {receiver: a}, receivers: [{name: a, " + configs + "}]}");
    return loaded.has_value() ? "" : std::string(loaded.error().message());
  };
  EXPECT_EQ(error_of("slack_configs: []"), "");
  EXPECT_THAT(error_of("slack_configs: [{channel: x}]"),
              HasSubstr("alertmanager.receivers[0].slack_configs must be delivered by others: "
                        "Tocsin delivers to webhooks; "
                        "let an Alertmanager deliver there: name it in alerting.alertmanagers"));
  EXPECT_THAT(error_of("msteams_configs: [{webhook_url: x}]"),
              HasSubstr("such as prometheus-msteams/prometheus-msteams, or let"));
  for (const std::string_view kind :
       {"discord", "email", "incidentio", "jira", "mattermost", "msteamsv2", "opsgenie",
        "pagerduty", "pushover", "rocketchat", "sns", "telegram", "victorops", "webex", "wechat"}) {
    EXPECT_THAT(
        error_of(std::string(kind) + "_configs: [{}]"),
        HasSubstr(std::string(kind) + "_configs must be delivered by others: Tocsin delivers"));
  }
}

TEST(AlertmanagerTest, WhatHasNoEffectIsWarnedOf) {
  const Loaded loaded = MustLoad(R"(
alertmanager:
  global: {smtp_from: a@b, slack_api_url: http://x/y, pagerduty_url: http://p}
  tracing: {endpoint: x}
  route: {receiver: a, routes: [{matchers: ['a="\t"']}]}
  receivers: [{name: a, labels: {x: y}, webhook_configs: [{url: <secret>}]}]
)");
  EXPECT_THAT(loaded.warnings,
              testing::UnorderedElementsAre(
                  HasSubstr("3:12: alertmanager.global.smtp_from has no effect: Tocsin delivers"),
                  HasSubstr("slack_api_url has no effect"), HasSubstr("pagerduty_url has no"),
                  HasSubstr("alertmanager.tracing has no effect"),
                  HasSubstr("means something else since Alertmanager 0.27"),
                  HasSubstr("receivers[0].labels has no effect"),
                  HasSubstr("url stands for one that was hidden")));
}

TEST(YamlTextTest, JsonHasTheTypesOfYaml) {
  const auto json = [](std::string_view text) {
    return YamlAsJson(lib::Yaml::Parse(text).value());
  };
  EXPECT_EQ(json("{a: 1, b: '1', c: yes, d: ~, e: [1.5, x, 0x10], f: {}}"),
            R"({"a":1,"b":"1","c":true,"d":null,"e":[1.5,"x","0x10"],"f":{}})");
  EXPECT_EQ(json("'{{ .Status }}'"), R"("{{ .Status }}")");
}

TEST(YamlTextTest, OnlySecretsAreHidden) {
  const auto text = [](std::string_view yaml) {
    return YamlWithoutSecrets(lib::Yaml::Parse(yaml).value());
  };
  EXPECT_EQ(text("a: {password: x, password_file: y, tls_config: {key: k, key_file: f}}"),
            "a:\n  password: <secret>\n  password_file: y\n  tls_config:\n    key: <secret>\n"
            "    key_file: f\n");
  EXPECT_EQ(text("proxy_url: http://u:p@h"), "proxy_url: http://u:xxxxx@h\n");
  EXPECT_EQ(text("slack_api_url: x\nopsgenie_api_url: y\nopsgenie_api_key: z"),
            "slack_api_url: <secret>\nopsgenie_api_url: y\nopsgenie_api_key: <secret>\n");
  EXPECT_EQ(text("match: {password: x}\nlabels: {url: y}"),
            "match:\n  password: x\nlabels:\n  url: y\n");
  EXPECT_EQ(text("http_headers: {X: {secrets: [a, b], values: [c]}}"),
            "http_headers:\n  X:\n    secrets:\n    - <secret>\n    - <secret>\n    values:\n"
            "    - c\n");
  EXPECT_EQ(text("a: 'x: y'\nb: []\nc: {}\nd:\ne: [[1], {f: 2, g: 3}]\n'h i': \"\""),
            "a: \"x: y\"\nb: []\nc: {}\nd:\ne:\n-\n  - 1\n- f: 2\n  g: 3\n\"h i\": \"\"\n");
}

}  // namespace
}  // namespace tocsin::config
