// heartbeat and peers, which Prometheus does not have: who is told that this process lives, and
// which others are watched.

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

void ReadWebhook(Section* heartbeat, Heartbeat* out) {
  Section webhook = heartbeat->Map("webhook");
  webhook.Text("url", &out->url.value);
  webhook.File("url_file", &out->url.file);
  if (webhook.Any("url_file") == nullptr) {
    if (webhook.present() || heartbeat->present()) CheckHttpUrl(&webhook, "url", out->url.value);
  } else if (webhook.Any("url") != nullptr) {
    webhook.Fail("url_file", "and url both say where; keep one");
  }
  webhook.Period("timeout", &out->timeout);
  webhook.NotZero("timeout", out->timeout);
  Section http_config = webhook.Map("http_config");
  ReadHttpClient(&http_config, &out->client);
  http_config.Done();
  webhook.Done();
}

// "host:port" of a URL.
std::string AuthorityOf(std::string_view url) {
  const size_t begin = url.find("://");
  if (begin == std::string_view::npos) return std::string(url);
  std::string_view authority = url.substr(begin + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  return std::string(authority);
}

Peer ReadPeer(Section* section) {
  Peer out;
  section->Text("url", &out.url);
  CheckHttpUrl(section, "url", out.url);
  while (out.url.ends_with('/')) out.url.pop_back();
  out.name = AuthorityOf(out.url);
  section->Text("name", &out.name);
  section->Period("interval", &out.interval);
  section->NotZero("interval", out.interval);
  section->Period("timeout", &out.timeout);
  section->NotZero("timeout", out.timeout);
  section->Period("for", &out.hold);
  std::vector<std::pair<std::string, std::string>> labels;
  section->Pairs("labels", &labels);
  for (const auto& [name, value] : labels) out.labels.Set(name, value);
  Section http_config = section->Map("http_config");
  ReadHttpClient(&http_config, &out.client);
  http_config.Done();
  section->Done();
  return out;
}

}  // namespace

void ReadHeartbeat(Section* top, Config* config) {
  Section heartbeat = top->Map("heartbeat");
  heartbeat.Period("interval", &config->heartbeat.interval);
  heartbeat.NotZero("interval", config->heartbeat.interval);
  ReadWebhook(&heartbeat, &config->heartbeat);
  heartbeat.Done();
  std::set<std::string> names;
  for (Section& section : top->Maps("peers")) {
    Peer peer = ReadPeer(&section);
    if (!names.insert(peer.name).second) {
      section.Fail(section.Any("name") == nullptr ? "url" : "name",
                   "\"" + peer.name + "\" stands twice");
    }
    config->peers.push_back(std::move(peer));
  }
}

}  // namespace tocsin::config
