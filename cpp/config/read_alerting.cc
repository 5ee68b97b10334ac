// alerting: the Alertmanagers that alerts are sent to, as in Prometheus's file.

#include <string>
#include <string_view>
#include <utility>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

// "" or "/a/b".
std::string NormalPrefix(std::string prefix) {
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty() && prefix.front() != '/') prefix.insert(0, "/");
  return prefix;
}

Alertmanager ReadAlertmanager(Section* section) {
  Alertmanager out;
  section->Choice("scheme", {"http", "https"}, &out.scheme);
  section->Text("path_prefix", &out.path_prefix);
  out.path_prefix = NormalPrefix(std::move(out.path_prefix));
  section->Period("timeout", &out.timeout);
  section->NotZero("timeout", out.timeout);
  std::string version = "v2";
  section->Choice("api_version", {"v2"}, &version);
  ReadStaticConfigs(section, &out.static_configs);
  ReadFileConfigs(section, &out.file_sd_configs);
  RefuseOtherDiscovery(section);
  out.relabel_configs = ReadRelabelRules(section, "relabel_configs");
  out.alert_relabel_configs = ReadRelabelRules(section, "alert_relabel_configs");
  ReadHttpClient(section, &out.client);
  if (section->Any("sigv4") != nullptr) {
    section->Fail("sigv4", "is not spoken here: put a proxy that signs requests before it");
  }
  section->Done();
  return out;
}

}  // namespace

void ReadAlerting(Section* top, Alerting* out) {
  Section alerting = top->Map("alerting");
  for (Section& section : alerting.Maps("alertmanagers")) {
    out->alertmanagers.push_back(ReadAlertmanager(&section));
  }
  out->alert_relabel_configs = ReadRelabelRules(&alerting, "alert_relabel_configs");
  alerting.Count("notification_queue_capacity", &out->notification_queue_capacity);
  alerting.NotZero("notification_queue_capacity", out->notification_queue_capacity);
  alerting.Count("notification_batch_size", &out->notification_batch_size);
  alerting.NotZero("notification_batch_size", out->notification_batch_size);
  alerting.Bool("drain_notification_queue_on_shutdown", &out->drain_notification_queue_on_shutdown);
  alerting.Done();
}

}  // namespace tocsin::config
