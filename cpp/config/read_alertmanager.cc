#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

Webhook ReadWebhook(Section* section) {
  Webhook out;
  section->Text("url", &out.url);
  CheckHttpUrl(section, "url", out.url);
  section->Bool("send_resolved", &out.send_resolved);
  section->Refuse({"url_file", "http_config", "max_alerts", "timeout", "payload"});
  section->Done();
  return out;
}

void ReadReceivers(Section* alertmanager, Config* config) {
  std::set<std::string> names;
  for (Section& section : alertmanager->Maps("receivers")) {
    AlertReceiver out;
    section.Text("name", &out.name);
    if (out.name.empty()) {
      section.Fail("name", "is missing");
    } else if (!names.insert(out.name).second) {
      section.Fail("name", "\"" + out.name + "\" stands twice");
    }
    for (Section& webhook : section.Maps("webhook_configs")) {
      out.webhooks.push_back(ReadWebhook(&webhook));
    }
    section.Refuse({"discord_configs", "email_configs", "incidentio_configs", "jira_configs",
                    "mattermost_configs", "msteams_configs", "msteamsv2_configs",
                    "opsgenie_configs", "pagerduty_configs", "pushover_configs",
                    "rocketchat_configs", "slack_configs", "sns_configs", "telegram_configs",
                    "victorops_configs", "webex_configs", "wechat_configs"});
    section.Done();
    config->alert_receivers.push_back(std::move(out));
  }
}

void ReadRoute(Section* alertmanager, Config* config) {
  Section route = alertmanager->Map("route");
  AlertRoute& out = config->route;
  route.Text("receiver", &out.receiver);
  route.Texts("group_by", &out.group_by);
  route.Period("group_wait", &out.group_wait);
  route.Period("group_interval", &out.group_interval);
  route.Period("repeat_interval", &out.repeat_interval);
  const auto is_it = [&](const AlertReceiver& receiver) { return receiver.name == out.receiver; };
  if (!route.present()) {
    if (alertmanager->present()) alertmanager->Fail("route", "is missing");
  } else if (out.receiver.empty()) {
    route.Fail("receiver", "is missing");
  } else if (std::none_of(config->alert_receivers.begin(), config->alert_receivers.end(), is_it)) {
    route.Fail("receiver", "is \"" + out.receiver + "\", and no receiver has that name");
  }
  route.NotZero("group_interval", out.group_interval);
  route.NotZero("repeat_interval", out.repeat_interval);
  route.Refuse({"routes", "matchers", "match", "match_re", "continue", "mute_time_intervals",
                "active_time_intervals", "labels"});
  route.Done();
}

}  // namespace

void ReadAlertmanagerSection(Section* top, Config* config) {
  const lib::Yaml* node = top->Any("alertmanager");
  if (node != nullptr && node->IsScalar()) {
    top->reading().Error(
        *node,
        "alertmanager: a file of its own is not supported in this version; put its "
        "content here");
    return;
  }
  Section alertmanager = top->Map("alertmanager");
  ReadReceivers(&alertmanager, config);
  ReadRoute(&alertmanager, config);
  alertmanager.Refuse(
      {"global", "templates", "inhibit_rules", "mute_time_intervals", "time_intervals", "tracing"});
  alertmanager.Done();
}

}  // namespace tocsin::config
