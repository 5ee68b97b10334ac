#include "cpp/server/listeners.h"

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/server/request_metrics.h"

namespace tocsin::server {
namespace {

constexpr size_t kApiHandlers = 8;
constexpr size_t kMoreApiHandlers = 24;  // Queries mostly wait for each other.

// What the listeners have of the memory for requests: each may take all of it.
template <class Options>
void SetMemory(MemoryService* memory, size_t Options::* most, Options* options) {
  options->memory = memory->requests();
  options->*most = std::min<size_t>(options->*most, memory->requests()->limit());
}

rpc::ServerOptions RpcOptions(MemoryService* memory, Telemetry* telemetry) {
  rpc::ServerOptions options;
  options.max_message_bytes = memory->budgets().max_request_bytes;
  SetMemory(memory, &rpc::ServerOptions::max_bytes_in_flight, &options);
  options.stream_threads = kApiHandlers;
  options.more_stream_threads = kMoreApiHandlers;  // Slow clients keep theirs.
  options.telemetry = telemetry;
  return options;
}

http::ServerOptions OtlpOptions(MemoryService* memory, Telemetry* telemetry) {
  http::ServerOptions options;
  options.name = "otlp";
  options.max_body_bytes = memory->budgets().max_request_bytes;
  SetMemory(memory, &http::ServerOptions::max_body_bytes_in_flight, &options);
  options.telemetry = telemetry;
  return options;
}

http::ServerOptions ApiOptions(const config::Config& config, MemoryService* memory,
                               Telemetry* telemetry) {
  http::ServerOptions options;
  options.name = "http";
  options.handler_threads = kApiHandlers;
  options.more_handler_threads = kMoreApiHandlers;
  // Whoever listens to notifications keeps a thread, and takes it from nobody else.
  options.stream_threads += config.web.max_notifications_subscribers;
  options.max_body_bytes = memory->budgets().max_request_bytes;
  SetMemory(memory, &http::ServerOptions::max_body_bytes_in_flight, &options);
  options.telemetry = telemetry;
  return options;
}

}  // namespace

Listeners::Listeners(const config::Config& config, MemoryService* memory,
                     receive::OtlpReceiver* otlp, telemetry::Registry* registry)
    : config_(config),
      registry_(*registry),
      rpc_(RpcOptions(memory, registry)),
      otlp_server_(OtlpOptions(memory, registry)),
      api_server_(ApiOptions(config, memory, registry)) {
  otlp->Register(&otlp_router_);
  otlp->RegisterLanding(&otlp_router_);
  otlp->Register(&api_router_);
  otlp->RegisterLanding(&api_router_);
  for (auto& [method, handler] : otlp->RpcMethods()) {
    rpc_.Handle(method, MeasuredCall(method, std::move(handler), registry));
  }
}

Listeners::~Listeners() { Shutdown(0); }

void Listeners::AddStreams(std::vector<std::pair<std::string, rpc::StreamHandler>> methods) {
  for (auto& [method, handler] : methods) rpc_.HandleStream(method, std::move(handler));
}

Result<std::string> Listeners::Listen(http::Server* server, const char* name,
                                      const std::string& address, const http::Router* router) {
  http::ListenerOptions options;
  options.address = address;
  options.router = router;
  options.adopt_http2 = [this](int fd) { rpc_.Adopt(fd); };
  TOCSIN_ASSIGN_OR_RETURN(std::string bound, server->Listen(std::move(options)));
  log::Info("listening", {{"name", name}, {"address", bound}});
  return bound;
}

Result<Addresses> Listeners::Start() {
  MeasureRequests(&api_router_, &registry_);
  MeasureRequests(&otlp_router_, &registry_);
  TOCSIN_RETURN_IF_ERROR(rpc_.Start());
  Addresses addresses;
  const auto add = [&](http::Server* server, const char* name, const std::string& address,
                       const http::Router* router) -> Status {
    if (address.empty()) return {};
    TOCSIN_ASSIGN_OR_RETURN(std::string bound, Listen(server, name, address, router));
    addresses.emplace_back(name, std::move(bound));
    return {};
  };
  TOCSIN_RETURN_IF_ERROR(add(&api_server_, "http", config_.server.http_address, &api_router_));
  TOCSIN_RETURN_IF_ERROR(
      add(&otlp_server_, "otlp_grpc", config_.receivers.otlp_grpc, &otlp_router_));
  TOCSIN_RETURN_IF_ERROR(
      add(&otlp_server_, "otlp_http", config_.receivers.otlp_http, &otlp_router_));
  const config::SelfMetrics& own = config_.self_metrics;
  const Status status = add(&api_server_, "metrics", own.address, &telemetry_router_);
  if (!status.ok() && !own.is_default) return Failure(status);
  if (!status.ok()) {
    log::Warn("not listening", {{"name", "metrics"}, {"reason", status.message()}});
  }
  return addresses;
}

void Listeners::Shutdown(Nanos grace) {
  otlp_server_.Shutdown(grace);
  rpc_.Shutdown(grace);
  api_server_.Shutdown(grace);
}

}  // namespace tocsin::server
