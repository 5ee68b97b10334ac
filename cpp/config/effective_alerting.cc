// alerting, heartbeat and peers in the effective configuration.

#include <cstddef>
#include <string_view>

#include "cpp/config/effective_writer.h"

namespace tocsin::config {
namespace {

void WriteAlertmanagers(const Alerting& alerting, Writer* w) {
  if (alerting.alertmanagers.empty()) return;
  w->Open("alertmanagers");
  for (size_t i = 0; i < alerting.alertmanagers.size(); ++i) {
    const Alertmanager& alertmanager = alerting.alertmanagers[i];
    w->OpenEntry({}, i);
    w->Text("scheme", alertmanager.scheme);
    w->Text("path_prefix", alertmanager.path_prefix);
    w->Text("api_version", "v2");
    w->Period("timeout", alertmanager.timeout);
    WriteHttpClient(alertmanager.client, w);
    WriteTargets(alertmanager.static_configs, alertmanager.file_sd_configs, w);
    WriteRelabelRules("relabel_configs", alertmanager.relabel_configs, w);
    WriteRelabelRules("alert_relabel_configs", alertmanager.alert_relabel_configs, w);
    w->Close();
  }
  w->Close();
}

void WriteHttpConfig(const http::ClientOptions& client, Writer* w) {
  if (client == http::ClientOptions()) return;
  w->Open("http_config");
  WriteHttpClient(client, w);
  w->Close();
}

}  // namespace

void WriteAlerting(const Config& config, Writer* w) {
  const Alerting& alerting = config.alerting;
  w->Open("alerting");
  WriteRelabelRules("alert_relabel_configs", alerting.alert_relabel_configs, w);
  WriteAlertmanagers(alerting, w);
  w->Number("notification_queue_capacity", alerting.notification_queue_capacity);
  w->Number("notification_batch_size", alerting.notification_batch_size);
  w->Bool("drain_notification_queue_on_shutdown", alerting.drain_notification_queue_on_shutdown);
  w->Close();
}

void WriteHeartbeat(const Config& config, Writer* w) {
  if (config.heartbeat.url.given()) {
    w->Open("heartbeat");
    w->Period("interval", config.heartbeat.interval);
    w->Open("webhook");
    if (config.heartbeat.url.file.empty()) {
      // Its path is what keeps others from beating in our place.
      w->Text("url", Writer::kSecret);
    } else {
      w->Text("url_file", config.heartbeat.url.file);
    }
    w->Period("timeout", config.heartbeat.timeout);
    WriteHttpConfig(config.heartbeat.client, w);
    w->Close();
    w->Close();
  }
  if (config.peers.empty()) return;
  w->Open("peers");
  for (size_t i = 0; i < config.peers.size(); ++i) {
    const Peer& peer = config.peers[i];
    w->OpenEntry({}, i);
    w->Text("url", HidePassword(peer.url));
    w->Text("name", peer.name);
    w->Period("interval", peer.interval);
    w->Period("timeout", peer.timeout);
    w->Period("for", peer.hold);
    w->Map("labels", peer.labels);
    WriteHttpConfig(peer.client, w);
    w->Close();
  }
  w->Close();
}

}  // namespace tocsin::config
