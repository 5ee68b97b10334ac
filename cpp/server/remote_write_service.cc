#include "cpp/server/remote_write_service.h"

#include <optional>
#include <utility>

#include "cpp/base/log.h"

namespace tocsin::server {
namespace {

deliver::RemoteWriteOptions OptionsOf(const config::RemoteWrite& configured,
                                      const Labels& external_labels) {
  deliver::RemoteWriteOptions options;
  options.name = configured.name.empty() ? configured.url : configured.name;
  options.url = configured.url;
  options.send_exemplars = configured.send_exemplars;
  options.external_labels = external_labels;
  options.headers = {configured.headers.begin(), configured.headers.end()};
  options.remote_timeout = configured.remote_timeout;
  options.max_samples_per_send = configured.max_samples_per_send;
  options.batch_send_deadline = configured.batch_send_deadline;
  options.min_backoff = configured.min_backoff;
  options.max_backoff = configured.max_backoff;
  options.retry_on_http_429 = configured.retry_on_http_429;
  options.max_age = configured.wal_max_age;
  return options;
}

}  // namespace

RemoteWriteService::RemoteWriteService(const config::Config& config, engine::Engine* engine,
                                       Telemetry* telemetry)
    : engine_(engine), state_(engine->state().Section("remote_write")) {
  for (const config::RemoteWrite& configured : config.remote_write) {
    deliver::RemoteWriteOptions options = OptionsOf(configured, config.external_labels);
    const Result<std::optional<LogPosition>> saved = deliver::SavedPosition(*state_, options.name);
    if (!saved) {
      log::Error("remote write begins at the present",
                 {{"name", options.name}, {"error", saved.error().ToString()}});
    }
    deliver::RemoteWritePorts ports;
    ports.labels = &engine->series();
    ports.state = state_.get();
    ports.telemetry = telemetry;
    auto reader = engine->series().OpenReader(saved.value_or(std::nullopt));
    writers_.push_back(
        std::make_unique<deliver::RemoteWriter>(std::move(options), std::move(reader), ports));
    engine->series().AddListener(writers_.back().get());
    writers_.back()->Start();
  }
}

RemoteWriteService::~RemoteWriteService() {
  for (const auto& writer : writers_) {
    engine_->series().RemoveListener(writer.get());
    writer->Stop();
  }
}

}  // namespace tocsin::server
