#include <expected>
#include <optional>
#include <utility>

#include "cpp/http/content.h"
#include "cpp/receive/receive.h"
#include "cpp/wire/otlp_response.h"

namespace tocsin::receive {
namespace {

using wire::OtlpEncoding;

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kExport = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr size_t kMaxTenantBytes = 150;

/// The HTTP status for an error, as the Collector maps gRPC's codes.
int HttpStatus(StatusCode code) {
  switch (code) {
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kUnavailable:
    case StatusCode::kCancelled:
    case StatusCode::kDeadlineExceeded:
      return 503;
    case StatusCode::kInvalidArgument:
      return 400;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kUnsupported:
      return 404;
    default:
      return 500;
  }
}

http::Response ResponseIn(OtlpEncoding encoding, int status, std::string body) {
  http::Response response{.status = status, .headers = {}, .body = std::move(body)};
  response.Set("Content-Type", encoding == OtlpEncoding::kJson ? kJson : kProtobuf);
  return response;
}

http::Response ErrorResponse(OtlpEncoding encoding, int http_status, const Status& error,
                             Nanos retry_after = 0) {
  const auto encode =
      encoding == OtlpEncoding::kJson ? wire::EncodeRpcStatusJson : wire::EncodeRpcStatus;
  http::Response response = ResponseIn(
      encoding, http_status, encode(rpc::GrpcCode(error.code()), error.message(), retry_after));
  if (retry_after > 0 && (http_status == 429 || http_status == 503)) {
    const Nanos seconds = (retry_after + kSecond - 1) / kSecond;
    response.Set("Retry-After", std::to_string(seconds));
  }
  return response;
}

/// Of a Content-Type; nullopt for what is neither.
std::optional<OtlpEncoding> EncodingOf(std::string_view content_type) {
  const std::string type = http::MediaType(content_type);
  if (type == kProtobuf) return OtlpEncoding::kProtobuf;
  if (type == kJson) return OtlpEncoding::kJson;
  return std::nullopt;
}

/// The characters that Tempo and its relatives allow: a tenant may become a path or a label.
bool IsTenant(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!-_.*'()";
  return name.size() <= kMaxTenantBytes && name != "." && name != ".." &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<std::string_view> TenantOf(std::string_view header, bool multitenancy) {
  if (!multitenancy) return kSingleTenant;
  if (header.empty()) {
    return Failure(StatusCode::kUnauthenticated, "no org id: the header X-Scope-OrgID is missing");
  }
  if (!IsTenant(header)) {
    return InvalidArgumentError(
        "X-Scope-OrgID: at most 150 of the letters, digits and !-_.*'() make a tenant");
  }
  return header;
}

/// For the signals that are not received here.
http::Response NotReceived(const http::Request& request, std::string_view signal) {
  return ErrorResponse(
      EncodingOf(request.Header("content-type")).value_or(OtlpEncoding::kProtobuf), 404,
      UnsupportedError(std::string(signal) + " are not received here; traces are, at /v1/traces"));
}

}  // namespace

OtlpReceiver::Transport OtlpReceiver::CountersOf(std::string_view transport) const {
  const Telemetry::MetricLabels labels = {{"receiver", "otlp"},
                                          {"transport", std::string(transport)}};
  return {telemetry_->GetCounter("tempo_receiver_accepted_spans",
                                 "Spans that were received and acknowledged.", labels),
          telemetry_->GetCounter("tempo_receiver_refused_spans",
                                 "Spans that were received and refused.", labels)};
}

OtlpReceiver::OtlpReceiver(SpanSink* sink, OtlpOptions options, Telemetry* telemetry)
    : sink_(sink),
      options_(options),
      telemetry_(telemetry),
      http_(CountersOf("http")),
      grpc_(CountersOf("grpc")) {}

void OtlpReceiver::Register(http::Router* router) {
  router->Handle("POST", "/v1/traces",
                 [this](const http::Request& request) { return ExportOverHttp(request); });
  router->Handle("POST", "/v1/metrics",
                 [](const http::Request& request) { return NotReceived(request, "metrics"); });
  router->Handle("POST", "/v1/logs",
                 [](const http::Request& request) { return NotReceived(request, "logs"); });
}

void OtlpReceiver::RegisterLanding(http::Router* router) {
  router->Handle("GET", "/", [](const http::Request&) {
    return http::Response::Text(
        200,
        "Tocsin receives traces on this port: OTLP over gRPC, and over HTTP at POST /v1/traces.\n"
        "Queries and everything else are on the HTTP port, 3200 unless configured otherwise.\n");
  });
}

std::vector<std::pair<std::string, rpc::UnaryHandler>> OtlpReceiver::RpcMethods() {
  std::vector<std::pair<std::string, rpc::UnaryHandler>> methods;
  methods.emplace_back(kExport, [this](const rpc::Call& call) { return ExportOverGrpc(call); });
  return methods;
}

ExportOutcome OtlpReceiver::Export(std::string_view tenant_header, ExportRequest request,
                                   const Transport& transport) {
  const Result<std::string_view> tenant = TenantOf(tenant_header, options_.multitenancy);
  if (!tenant.has_value()) return {.status = tenant.error()};
  request.tenant = *tenant;
  ExportOutcome outcome = sink_->Export(request);
  transport.accepted.Add(static_cast<double>(outcome.accepted));
  transport.refused.Add(static_cast<double>(outcome.rejected));
  if (outcome.status.ok()) {
    const Telemetry::MetricLabels labels = {{"tenant", std::string(*tenant)}};
    telemetry_
        ->GetCounter("tempo_distributor_spans_received_total", "Spans received, by tenant.", labels)
        .Add(static_cast<double>(outcome.accepted));
    telemetry_
        ->GetCounter("tempo_distributor_bytes_received_total",
                     "Bytes of spans received, decompressed, by tenant.", labels)
        .Add(static_cast<double>(request.body.size()));
  }
  return outcome;
}

http::Response OtlpReceiver::ExportOverHttp(const http::Request& request) {
  const std::optional<OtlpEncoding> encoding = EncodingOf(request.Header("content-type"));
  if (!encoding) {
    return http::Response::Text(
        415, "415 unsupported media type, supported: [application/json, application/x-protobuf]");
  }
  std::string decoded;
  const Result<std::string_view> body =
      http::DecodedBody(request, options_.max_request_bytes, &decoded);
  if (!body.has_value()) {
    const Status& error = body.error();
    if (error.code() == StatusCode::kResourceExhausted) return ErrorResponse(*encoding, 413, error);
    if (error.code() == StatusCode::kUnsupported) return ErrorResponse(*encoding, 415, error);
    return ErrorResponse(*encoding, 400, error);
  }
  const ExportOutcome outcome =
      Export(request.Header("x-scope-orgid"), {.body = *body, .encoding = *encoding}, http_);
  if (!outcome.status.ok()) {
    return ErrorResponse(*encoding, HttpStatus(outcome.status.code()), outcome.status,
                         outcome.retry_after);
  }
  return ResponseIn(*encoding, 200,
                    *encoding == OtlpEncoding::kJson
                        ? wire::EncodeExportResponseJson(outcome.rejected, outcome.message)
                        : wire::EncodeExportResponse(outcome.rejected, outcome.message));
}

std::expected<std::string, rpc::CallError> OtlpReceiver::ExportOverGrpc(const rpc::Call& call) {
  const ExportOutcome outcome = Export(call.Metadata("x-scope-orgid"), {.body = call.body}, grpc_);
  if (outcome.status.ok()) return wire::EncodeExportResponse(outcome.rejected, outcome.message);
  rpc::CallError error{.status = outcome.status};
  if (outcome.retry_after > 0) {
    error.details = wire::EncodeRpcStatus(rpc::GrpcCode(outcome.status.code()),
                                          outcome.status.message(), outcome.retry_after);
  }
  return std::unexpected(std::move(error));
}

}  // namespace tocsin::receive
