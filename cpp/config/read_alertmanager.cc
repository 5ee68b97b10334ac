// alertmanager: the configuration of an Alertmanager, here or in a file of its own.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/config/effective_writer.h"
#include "cpp/config/read_routes.h"
#include "cpp/config/read_sections.h"
#include "cpp/config/yaml_text.h"

namespace tocsin::config {
namespace {

// A kind of receiver that is not spoken, and a program that takes our webhook to it; "": none that
// is known well.
struct Bridge {
  std::string_view kind;
  std::string_view program;
};

constexpr std::array<Bridge, 17> kBridges{{
    {"discord", "benjojo/alertmanager-discord"},
    {"email", ""},
    {"incidentio", ""},
    {"jira", "prometheus-community/jiralert"},
    {"mattermost", "mattermost-community/mattermost-plugin-alertmanager"},
    {"msteams", "prometheus-msteams/prometheus-msteams"},
    {"msteamsv2", "prometheus-msteams/prometheus-msteams"},
    {"opsgenie", ""},
    {"pagerduty", ""},
    {"pushover", ""},
    {"rocketchat", "pavel-kazhavets/AlertmanagerRocketChat"},
    {"slack", ""},
    {"sns", "DataReply/alertmanager-sns-forwarder"},
    {"telegram", "inCaller/prometheus_bot"},
    {"victorops", ""},
    {"webex", ""},
    {"wechat", ""},
}};

// Keys of `global` for receivers of other kinds. Of those with `_file` only one may be given.
constexpr std::array<std::string_view, 13> kForeignSecrets{
    "smtp_auth_password", "smtp_auth_secret",    "slack_api_url",     "slack_app_token",
    "opsgenie_api_key",   "wechat_api_secret",   "victorops_api_key", "telegram_bot_token",
    "rocketchat_token",   "rocketchat_token_id", "webex_bot_token",   "mattermost_webhook_url",
    "jira_api_token"};
constexpr std::array<std::string_view, 9> kForeignUrls{
    "slack_app_url",  "pagerduty_url",      "opsgenie_api_url",
    "wechat_api_url", "telegram_api_url",   "victorops_api_url",
    "webex_api_url",  "rocketchat_api_url", "jira_api_url"};
constexpr std::array<std::string_view, 9> kForeignOthers{
    "smtp_from",          "smtp_hello",       "smtp_smarthost",  "smtp_auth_username",
    "smtp_auth_identity", "smtp_require_tls", "smtp_tls_config", "smtp_force_implicit_tls",
    "wechat_api_corp_id"};
constexpr std::string_view kForeign = "Tocsin delivers to webhooks only";

void IgnoreForeign(Section* global) {
  for (const std::string_view key : kForeignSecrets) {
    const std::string file = std::string(key) + "_file";
    if (global->Any(key) != nullptr && global->Any(file) != nullptr) {
      global->Fail(file, "and " + std::string(key) + " exclude each other");
    }
    global->Ignore({key, file}, kForeign);
  }
  for (const std::string_view key : kForeignUrls) {
    if (const lib::Yaml* url = global->Any(key); url != nullptr) {
      CheckHttpUrl(global, key, url->scalar);
    }
    global->Ignore({key}, kForeign);
  }
  if (const lib::Yaml* host = global->Any("smtp_smarthost"); host != nullptr) {
    const size_t colon = host->scalar.rfind(':');
    if (!host->scalar.empty() && (colon == std::string::npos || colon + 1 == host->scalar.size())) {
      global->Fail("smtp_smarthost", "must be a host and a port, such as example.org:25");
    }
  }
  for (const std::string_view key : kForeignOthers) global->Ignore({key}, kForeign);
}

// The http_config of a section, or `usual` if it has none.
http::ClientOptions ReadHttpConfig(Section* section, const http::ClientOptions& usual) {
  Section http = section->Map("http_config");
  if (!http.present()) return usual;
  http::ClientOptions client;
  ReadHttpClient(&http, &client);
  http.Done();
  return client;
}

void ReadGlobal(Section* alertmanager, routing::Config* out) {
  Section global = alertmanager->Map("global");
  ReadStrictPeriod(&global, "resolve_timeout", &out->resolve_timeout);
  IgnoreForeign(&global);
  out->client = ReadHttpConfig(&global, {});
  global.Done();
}

void ReadWebhookUrl(Section* section, http::Secret* out) {
  section->Text("url", &out->value);
  section->File("url_file", &out->file);
  if (out->value.empty() && out->file.empty()) {
    section->Fail("url", "is missing: one of url and url_file must be given");
  } else if (!out->value.empty() && !out->file.empty()) {
    section->Fail("url_file", "and url exclude each other");
  } else if (out->value == Writer::kSecret) {
    section->reading().Warn(*section->Any("url"),
                            "url stands for one that was hidden; nothing can be sent there");
  } else if (!out->value.empty() && out->value.find("{{") == std::string::npos) {
    CheckHttpUrl(section, "url", out->value);
  }
}

routing::Webhook ReadWebhook(Section* section, const http::ClientOptions& usual) {
  routing::Webhook out;
  uint64_t max_alerts = 0;
  ReadWebhookUrl(section, &out.url);
  section->Bool("send_resolved", &out.send_resolved);
  out.client = ReadHttpConfig(section, usual);
  section->Count64("max_alerts", &max_alerts);
  out.max_alerts = max_alerts;
  section->Period("timeout", &out.timeout);
  if (const lib::Yaml* payload = section->Any("payload"); payload != nullptr) {
    out.payload = YamlAsJson(*payload);
  }
  section->Done();
  return out;
}

void RefuseOtherKinds(Section* receiver) {
  for (const auto& [kind, program] : kBridges) {
    const std::string key = std::string(kind) + "_configs";
    const lib::Yaml* configs = receiver->Any(key);
    if (configs == nullptr || (configs->IsSequence() && configs->items.empty())) continue;
    std::string message = "must be delivered by others: Tocsin delivers to webhooks; ";
    if (!program.empty()) {
      message.append("use webhook_configs with a bridge that takes version 4 of their payload, ")
          .append("such as ")
          .append(program)
          .append(", or ");
    }
    message.append("let an Alertmanager deliver there: name it in alerting.alertmanagers");
    receiver->Fail(key, message);
  }
}

void ReadReceivers(Section* alertmanager, routing::Config* out) {
  for (Section& section : alertmanager->Maps("receivers")) {
    routing::Receiver receiver;
    section.Text("name", &receiver.name);
    if (receiver.name.empty()) section.Fail("name", "is missing");
    for (Section& webhook : section.Maps("webhook_configs")) {
      receiver.webhooks.push_back(ReadWebhook(&webhook, out->client));
    }
    RefuseOtherKinds(&section);
    section.Ignore({"labels"}, "receivers are told apart by their names");
    section.Done();
    out->receivers.push_back(std::move(receiver));
  }
}

void ReadTemplates(Section* alertmanager, routing::Config* out) {
  alertmanager->Texts("templates", &out->template_files);
  const lib::Yaml* list = alertmanager->Any("templates");
  for (std::string& file : out->template_files) {
    file = alertmanager->reading().Resolve(*list, file);
  }
}

// The node that a problem's place names, or the deepest on the way to it.
const lib::Yaml* FindPlace(const lib::Yaml* node, std::string_view place) {
  while (!place.empty()) {
    const size_t end = std::min(place.find_first_of(".["), place.size());
    const lib::Yaml* next = nullptr;
    if (place.front() == '[') {
      const size_t close = place.find(']');
      const size_t index = std::stoul(std::string(place.substr(1, close - 1)));
      if (index < node->items.size()) next = &node->items[index];
      place.remove_prefix(close + 1);
    } else {
      next = node->Find(place.substr(0, end));
      place.remove_prefix(end);
    }
    if (place.starts_with('.')) place.remove_prefix(1);
    if (next == nullptr) return node;
    node = next;
  }
  return node;
}

// What the parts say about each other.
void CheckTogether(const Section& alertmanager, const routing::Config& config) {
  const lib::Yaml* root = alertmanager.node();
  const lib::Yaml* muting = root->Find("mute_time_intervals");
  const size_t muting_count = muting == nullptr ? 0 : muting->items.size();
  constexpr std::string_view kIntervals = "time_intervals[";
  for (const routing::Problem& problem : routing::FindProblems(config)) {
    std::string place = problem.place;
    if (place.starts_with(kIntervals)) {
      const size_t index = std::stoul(place.substr(kIntervals.size()));
      if (index < muting_count) {
        place.insert(0, "mute_");
      } else {
        place = kIntervals;
        place.append(std::to_string(index - muting_count)).append("].name");
      }
    }
    alertmanager.reading().Error(*FindPlace(root, place), place + ": " + problem.message);
  }
}

void ReadConfiguration(Section* alertmanager, routing::Config* out) {
  ReadGlobal(alertmanager, out);
  ReadTemplates(alertmanager, out);
  ReadReceivers(alertmanager, out);
  out->inhibit_rules = ReadInhibitRules(alertmanager);
  out->time_intervals = ReadTimeIntervals(alertmanager);
  alertmanager->Bool("exact_repeat", &out->exact_repeat);
  alertmanager->Ignore({"tracing", "event_recorder"}, "it has no counterpart here");
  Section route = alertmanager->Map("route");
  if (!route.present()) {
    alertmanager->Fail("route", "is missing");
  } else {
    ReadRoute(&route, &out->route);
  }
  alertmanager->Done();
  if (!alertmanager->reading().FirstError().ok()) return;
  CheckTogether(*alertmanager, *out);
  if (!alertmanager->reading().FirstError().ok()) return;
  const Status finished = routing::Finish(out);
  if (!finished.ok()) alertmanager->reading().Error(*alertmanager->node(), finished.message());
  lib::Yaml shown = *alertmanager->node();
  std::erase_if(shown.members, [](const auto& member) {
    return member.first.scalar == "exact_repeat" || member.first.scalar == "config_file";
  });
  out->original = YamlWithoutSecrets(shown);
}

// `at`: where the file is named.
void ReadFile(Reading* reading, const lib::Yaml& at, routing::Config* out) {
  const std::string path = reading->Resolve(at, at.scalar);
  const std::optional<lib::Yaml> tree = reading->ReadOther(at, "alertmanager", path);
  if (!tree.has_value()) return;
  Reading its_own(path);
  if (tree->IsNull()) {
    its_own.Error(*tree, "route is missing");
  } else {
    Section alertmanager(&its_own, &*tree, "", "alertmanager");
    if (alertmanager.present()) ReadConfiguration(&alertmanager, out);
  }
  reading->Adopt(at, std::move(its_own));
}

}  // namespace

void ReadAlertmanagerSection(Section* top, Config* config) {
  const lib::Yaml* node = top->Any("alertmanager");
  if (node == nullptr) return;
  if (node->IsScalar()) return ReadFile(&top->reading(), *node, &config->routing);
  Section alertmanager = top->Map("alertmanager");
  const lib::Yaml* file = alertmanager.present() ? alertmanager.Any("config_file") : nullptr;
  if (file != nullptr) {
    // Beside it only what the file cannot say and stay one that Alertmanager takes.
    ReadFile(&top->reading(), *file, &config->routing);
    alertmanager.Bool("exact_repeat", &config->routing.exact_repeat);
    alertmanager.Done();
  } else if (alertmanager.present()) {
    ReadConfiguration(&alertmanager, &config->routing);
  }
}

}  // namespace tocsin::config
