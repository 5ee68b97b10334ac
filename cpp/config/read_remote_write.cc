// remote_write, as Prometheus has it.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

constexpr std::string_view kV1 = "prometheus.WriteRequest";
constexpr std::string_view kV2 = "io.prometheus.write.v2.Request";

void ReadQueueConfig(Section* section, RemoteWrite* out) {
  Section queue = section->Map("queue_config");
  queue.Count("capacity", &out->capacity);
  queue.Count("min_shards", &out->min_shards);
  queue.Count("max_shards", &out->max_shards);
  queue.Count("max_samples_per_send", &out->max_samples_per_send);
  queue.Period("batch_send_deadline", &out->batch_send_deadline);
  queue.Period("min_backoff", &out->min_backoff);
  queue.Period("max_backoff", &out->max_backoff);
  queue.Bool("retry_on_http_429", &out->retry_on_http_429);
  queue.Period("sample_age_limit", &out->sample_age_limit);
  queue.Period("wal_max_age", &out->wal_max_age);
  queue.Size("wal_max_bytes", &out->wal_max_bytes);
  queue.NotZero("capacity", out->capacity);
  queue.NotZero("min_shards", out->min_shards);
  queue.NotZero("max_shards", out->max_shards);
  queue.NotZero("max_samples_per_send", out->max_samples_per_send);
  if (out->min_shards > out->max_shards) {
    queue.Fail("min_shards", "must not be more than max_shards");
  }
  if (out->min_backoff > out->max_backoff) {
    queue.Fail("min_backoff", "must not be longer than max_backoff");
  }
  queue.Done();
}

void ReadMetadataConfig(Section* section, RemoteWrite* out) {
  Section metadata = section->Map("metadata_config");
  metadata.Bool("send", &out->send_metadata);
  metadata.Period("send_interval", &out->metadata_interval);
  metadata.Count("max_samples_per_send", &out->max_metadata_per_send);
  metadata.NotZero("send_interval", out->metadata_interval);
  metadata.NotZero("max_samples_per_send", out->max_metadata_per_send);
  metadata.Done();
}

// What the protocol says itself must not be said otherwise.
void CheckHeaders(Section* section, const RemoteWrite& remote) {
  for (const auto& [name, value] : remote.headers) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    for (const std::string_view own :
         {"host", "content-encoding", "content-length", "content-type", "connection", "keep-alive",
          "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
          "user-agent", "x-prometheus-remote-write-version", "retry-attempt"}) {
      if (lower == own) section->Fail("headers", "must not hold " + name + ", which we set");
    }
  }
}

void ReadName(Section* entry, const Config& config, RemoteWrite* out) {
  entry->Text("name", &out->name);
  if (out->name.empty()) return;
  const auto same_name = [&](const RemoteWrite& other) { return other.name == out->name; };
  if (std::any_of(config.remote_write.begin(), config.remote_write.end(), same_name)) {
    entry->Fail("name", "\"" + out->name + "\" stands twice");
  }
}

void RefuseClouds(Section* entry) {
  for (const std::string_view cloud : {"sigv4", "azuread", "google_iam"}) {
    if (entry->Any(cloud) == nullptr) continue;
    entry->Fail(cloud, "is not spoken here: put a proxy that signs requests before the receiver");
  }
}

// Prometheus takes such a URL too, and fails to send.
bool HasForeignScheme(const std::string& url) {
  const size_t end = url.find("://");
  if (end == std::string::npos || end == 0) return false;
  const std::string_view scheme = std::string_view(url).substr(0, end);
  return scheme != "http" && scheme != "https" &&
         std::ranges::all_of(scheme, [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

void ReadRemoteWrites(Section* section, Config* config) {
  for (Section& entry :
       section->Maps("remote_write", "remote_write", config->remote_write.size())) {
    RemoteWrite out;
    entry.Text("url", &out.url);
    if (HasForeignScheme(out.url)) {
      entry.reading().Warn(*entry.Any("url"),
                           "nothing can be sent there: only http and https are spoken");
    } else {
      CheckHttpUrl(&entry, "url", out.url);
    }
    ReadName(&entry, *config, &out);
    std::string message(kV1);
    entry.Choice("protobuf_message", {kV1, kV2}, &message);
    out.message = message == kV2 ? WriteMessage::kV2 : WriteMessage::kV1;
    entry.Bool("send_exemplars", &out.send_exemplars);
    entry.Bool("send_native_histograms", &out.send_native_histograms);
    entry.Period("remote_timeout", &out.remote_timeout);
    entry.NotZero("remote_timeout", out.remote_timeout);
    entry.Pairs("headers", &out.headers);
    CheckHeaders(&entry, out);
    out.write_relabel_configs = ReadRelabelRules(&entry, "write_relabel_configs");
    ReadHttpClient(&entry, &out.client);
    RefuseClouds(&entry);
    ReadQueueConfig(&entry, &out);
    ReadMetadataConfig(&entry, &out);
    entry.Ignore({"round_robin_dns"}, "the addresses of a name are tried in their order");
    entry.Done();
    config->remote_write.push_back(std::move(out));
  }
}

}  // namespace tocsin::config
