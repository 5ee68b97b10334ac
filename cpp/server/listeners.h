/// Everything that listens: the API's port and the receivers' ports, each for HTTP/1.1 and gRPC.

#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/api/query_gate.h"
#include "cpp/base/status.h"
#include "cpp/config/config.h"
#include "cpp/http/router.h"
#include "cpp/http/server.h"
#include "cpp/receive/receive.h"
#include "cpp/rpc/server.h"
#include "cpp/server/memory_service.h"
#include "cpp/server/server_file.h"
#include "cpp/telemetry/registry.h"

namespace tocsin::server {

class Listeners {
 public:
  /// Borrows everything. Nothing listens yet.
  Listeners(const config::Config& config, MemoryService* memory, receive::OtlpReceiver* otlp,
            telemetry::Registry* registry);
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// The port of our own metrics under the names of a Collector; before Start().
  http::Router& telemetry_router() { return telemetry_router_; }

  /// Where the API's handlers are registered, before Start().
  http::Router& api_router() { return api_router_; }

  /// Adds methods that gRPC answers with streams, on every port, before Start().
  void AddStreams(std::vector<std::pair<std::string, rpc::StreamHandler>> methods);

  /// Measures all handlers, binds every port of the configuration, logs each and returns where they
  /// are. kUnavailable, naming the address, for one that is taken; the port of our own metrics may
  /// be, with a warning, if nobody has configured it.
  Result<Addresses> Start();

  /// No new requests; those in flight have until `grace`. Receivers go first, so that the API can
  /// tell what it is doing. Idempotent.
  void Shutdown(Nanos grace);

 private:
  Result<std::string> Listen(http::Server* server, const char* name, const std::string& address,
                             const http::Router* router);

  const config::Config& config_;
  telemetry::Registry& registry_;
  http::Router api_router_;
  http::Router otlp_router_;
  http::Router telemetry_router_;
  rpc::Server rpc_;
  // Apart, so that slow queries never hold up receiving.
  http::Server otlp_server_;
  http::Server api_server_;
};

}  // namespace tocsin::server
