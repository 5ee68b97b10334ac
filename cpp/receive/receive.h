/// Receivers: what arrives on the wire is checked, decompressed and handed to a SpanSink; what the
/// sink says goes back in the sender's protocol.
///
///     receive::OtlpReceiver otlp(&sink, {}, &telemetry);
///     otlp.Register(&router);                                // OTLP/HTTP: POST /v1/traces
///     for (auto& [method, handler] : otlp.RpcMethods()) {    // OTLP/gRPC
///       rpc_server.Handle(method, handler);
///     }

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/http/router.h"
#include "cpp/rpc/call.h"
#include "cpp/wire/otlp_json_decode.h"

namespace tocsin::receive {

/// The tenant of everyone while multitenancy is off.
inline constexpr std::string_view kSingleTenant = "single-tenant";

struct ExportRequest {
  std::string_view tenant = {};
  std::string_view body = {};  ///< An ExportTraceServiceRequest, decompressed. Borrowed.
  wire::OtlpEncoding encoding = wire::OtlpEncoding::kProtobuf;
};

/// What became of one request. When `status` is OK, `accepted` spans are durable as far as the
/// log's sync policy goes, searchable and counted, and the sender must not send any of the request
/// again. Otherwise nothing of the request was kept.
struct ExportOutcome {
  /// kInvalidArgument: the body is not the message it should be; never retried by the sender.
  /// kResourceExhausted: a limit of the tenant; retried after `retry_after`, if that is set.
  /// kUnavailable: cannot store now (full disk, queue full, shutting down); retried.
  /// Any other code is a failure of ours.
  Status status = {};
  uint64_t accepted = 0;
  /// Spans that were dropped for good, while the others were kept. When `status` is not OK: the
  /// spans that the request had, as far as that is known.
  uint64_t rejected = 0;
  /// Why spans were rejected; with rejected == 0, a warning that the sender's log shows.
  std::string message = {};
  Nanos retry_after = 0;  ///< When to try again; 0 leaves it to the sender.
};

/// Takes requests: the engine, behind an adapter of cpp/server. Thread-safe; blocks until the
/// request is acknowledged or refused.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual ExportOutcome Export(const ExportRequest& request) = 0;
};

struct OtlpOptions {
  /// Of one request after decompression; beyond it 413. Over gRPC the server's max_message_bytes
  /// holds instead.
  size_t max_request_bytes = 64 << 20;
  /// On: the tenant is X-Scope-OrgID, and a request without it is refused (401, UNAUTHENTICATED).
  /// Off: the header is ignored and everything belongs to kSingleTenant.
  bool multitenancy = false;
};

/// OTLP traces over HTTP and gRPC: the codes, bodies and headers are those of the OpenTelemetry
/// Collector. Thread-safe. Outlives the servers that it is registered with.
class OtlpReceiver {
 public:
  /// Borrows `sink` and `telemetry`.
  OtlpReceiver(SpanSink* sink, OtlpOptions options, Telemetry* telemetry);

  /// POST /v1/traces, in protobuf or JSON, plain or gzip; and quick 404s for /v1/metrics and
  /// /v1/logs, which every SDK tries.
  void Register(http::Router* router);

  /// A readable page on `/`, for ports that have nothing else there.
  static void RegisterLanding(http::Router* router);

  /// Method name and handler, for rpc::Server::Handle().
  std::vector<std::pair<std::string, rpc::UnaryHandler>> RpcMethods();

 private:
  /// The counters of one transport.
  struct Transport {
    Counter& accepted;
    Counter& refused;
  };

  Transport CountersOf(std::string_view transport) const;
  http::Response ExportOverHttp(const http::Request& request);
  std::expected<std::string, rpc::CallError> ExportOverGrpc(const rpc::Call& call);
  /// Finds the tenant, which `request` has no word of yet, asks the sink and counts.
  ExportOutcome Export(std::string_view tenant_header, ExportRequest request,
                       const Transport& transport);

  SpanSink* const sink_;
  const OtlpOptions options_;
  Telemetry* const telemetry_;
  const Transport http_;
  const Transport grpc_;
};

}  // namespace tocsin::receive
