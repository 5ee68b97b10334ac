#include "cpp/server/remote_write_service.h"

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "cpp/base/log.h"

namespace tocsin::server {
namespace {

// The shorter of two bounds of which 0 is none.
Nanos Shorter(Nanos a, Nanos b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

deliver::RemoteWriteOptions OptionsOf(const config::RemoteWrite& configured,
                                      const Labels& external_labels) {
  deliver::RemoteWriteOptions options;
  options.url = configured.url;
  options.message = configured.message == config::WriteMessage::kV2 ? deliver::WriteMessage::kV2
                                                                    : deliver::WriteMessage::kV1;
  options.send_exemplars = configured.send_exemplars;
  options.send_native_histograms = configured.send_native_histograms;
  options.external_labels = external_labels;
  options.relabel = configured.write_relabel_configs;
  options.headers = {configured.headers.begin(), configured.headers.end()};
  options.remote_timeout = configured.remote_timeout;
  options.min_shards = configured.min_shards;
  options.max_shards = configured.max_shards;
  options.capacity = configured.capacity;
  options.max_samples_per_send = configured.max_samples_per_send;
  options.batch_send_deadline = configured.batch_send_deadline;
  options.min_backoff = configured.min_backoff;
  options.max_backoff = configured.max_backoff;
  options.retry_on_http_429 = configured.retry_on_http_429;
  options.max_age = Shorter(configured.wal_max_age, configured.sample_age_limit);
  options.send_metadata = configured.send_metadata;
  options.metadata_interval = configured.metadata_interval;
  options.max_metadata_per_send = configured.max_metadata_per_send;
  return options;
}

// A name for each: its own, or else its URL, numbered where several share one.
std::vector<std::string> NamesOf(const std::vector<config::RemoteWrite>& configured) {
  std::vector<std::string> names;
  std::set<std::string> used;
  for (const config::RemoteWrite& one : configured) used.insert(one.name);
  for (const config::RemoteWrite& one : configured) {
    std::string name = one.name;
    for (int number = 1; name.empty(); ++number) {
      const std::string tried =
          number == 1 ? one.url : one.url + " (" + std::to_string(number) + ")";
      if (used.insert(tried).second) name = tried;
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

struct RemoteWriteService::Target {
  Target(const config::RemoteWrite& of, std::string its_name)
      : name(std::move(its_name)), configured(of), client(of.client) {}

  const std::string name;
  const config::RemoteWrite configured;
  http::Client client;
  std::unique_ptr<deliver::RemoteWriter> writer;
};

RemoteWriteService::RemoteWriteService(const config::Config& config, uint32_t max_shards,
                                       engine::Engine* engine, Telemetry* telemetry)
    : max_shards_(max_shards),
      engine_(engine),
      telemetry_(telemetry),
      state_(engine->state().Section("remote_write")) {
  Reload(config);
}

RemoteWriteService::~RemoteWriteService() {
  Stop(targets_);
  if (meter_ != nullptr) engine_->series().RemoveListener(meter_.get());
}

std::unique_ptr<RemoteWriteService::Target> RemoteWriteService::Open(
    const config::RemoteWrite& configured, std::string name) {
  auto target = std::make_unique<Target>(configured, std::move(name));
  if (const Status usable = target->client.Check(); !usable.ok()) {
    log::Error("remote write cannot reach its receiver yet",
               {{"name", target->name}, {"error", usable.ToString()}});
  }
  deliver::RemoteWriteOptions options = OptionsOf(configured, external_labels_);
  options.name = target->name;
  options.max_shards = std::min(options.max_shards, max_shards_);
  options.min_shards = std::min(options.min_shards, max_shards_);
  const Result<std::optional<LogPosition>> saved = deliver::SavedPosition(*state_, options.name);
  if (!saved) {
    log::Error("remote write begins at the present",
               {{"name", options.name}, {"error", saved.error().ToString()}});
  }
  deliver::RemoteWritePorts ports;
  ports.labels = &engine_->series();
  ports.metadata = &engine_->series();
  ports.state = state_.get();
  ports.telemetry = telemetry_;
  ports.fetch = [client = &target->client](const http::ClientRequest& request) {
    return client->Fetch(request);
  };
  target->writer = std::make_unique<deliver::RemoteWriter>(
      std::move(options), engine_->series().OpenReader(saved.value_or(std::nullopt)), ports);
  engine_->series().AddListener(target->writer.get());
  target->writer->Start();
  return target;
}

void RemoteWriteService::Stop(const std::vector<std::unique_ptr<Target>>& targets) {
  std::vector<std::jthread> ends;
  ends.reserve(targets.size());
  for (const auto& target : targets) {
    ends.emplace_back([this, writer = target->writer.get()] {
      engine_->series().RemoveListener(writer);
      writer->Stop();
    });
  }
}

void RemoteWriteService::Reload(const config::Config& config) {
  const std::lock_guard lock(mutex_);
  const bool same_labels = external_labels_ == config.external_labels;
  const std::vector<std::string> names = NamesOf(config.remote_write);
  std::vector<std::unique_ptr<Target>> kept(names.size());
  std::vector<std::unique_ptr<Target>> ended;
  for (std::unique_ptr<Target>& target : targets_) {
    const auto it = std::ranges::find(names, target->name);
    const auto i = static_cast<size_t>(it - names.begin());
    const bool goes_on =
        it != names.end() && same_labels && target->configured == config.remote_write[i];
    (goes_on ? kept[i] : ended.emplace_back()) = std::move(target);
  }
  Stop(ended);
  external_labels_ = config.external_labels;
  targets_ = std::move(kept);
  // Before those that have ended are destroyed: until then their readers hold the log.
  for (size_t i = 0; i < names.size(); ++i) {
    if (targets_[i] == nullptr) targets_[i] = Open(config.remote_write[i], names[i]);
  }
  if (meter_ == nullptr && !targets_.empty()) {
    meter_ = std::make_unique<deliver::AppendMeter>(telemetry_);
    engine_->series().AddListener(meter_.get());
  }
}

}  // namespace tocsin::server
