#include "cpp/receive/otlp_metrics_receiver.h"

#include <string>
#include <utility>
#include <vector>

#include "cpp/http/content.h"
#include "cpp/wire/otlp_json_metrics.h"
#include "cpp/wire/otlp_response.h"

namespace tocsin::receive {
namespace {

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";

int StatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kResourceExhausted:
      return 429;
    default:
      return 500;
  }
}

// What a sink takes of translated metrics.
struct Rows {
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;

  Rows(const wire::OtlpMetrics& metrics, SampleSink* sink) {
    for (const wire::OtlpSample& sample : metrics.samples) {
      const SeriesRef series = sink->Ref(sample.labels);
      if (sample.histogram != nullptr) {
        histograms.push_back({series, {sample.t, sample.histogram}, sample.start});
      } else {
        samples.push_back({series, {sample.t, sample.value}, sample.start});
      }
      for (const Exemplar& exemplar : sample.exemplars) exemplars.push_back({series, exemplar});
    }
  }
  SampleBatch batch() const { return {samples, histograms, exemplars}; }
};

}  // namespace

OtlpMetricsReceiver::OtlpMetricsReceiver(SampleSink* sink, OtlpMetricsOptions options,
                                         Telemetry* telemetry)
    : sink_(sink),
      options_(options),
      stored_(telemetry->GetCounter("tocsin_otlp_samples_stored_total",
                                    "Samples and histograms stored of OTLP metrics.")),
      refused_(telemetry->GetCounter("tocsin_otlp_samples_refused_total",
                                     "Data points of OTLP metrics, or samples made of them, that "
                                     "were not stored.")) {}

void OtlpMetricsReceiver::Register(http::Router* router) {
  router->Handle("POST", "/api/v1/otlp/v1/metrics",
                 [this](const http::Request& request) { return Export(request); });
}

http::Response OtlpMetricsReceiver::Export(const http::Request& request) {
  const std::string type = http::MediaType(request.Header("content-type"));
  const bool json = type == kJson;
  if (!json && type != kProtobuf) {
    return http::Response::Text(415,
                                "unsupported content type; metrics come as application/x-protobuf "
                                "or application/json");
  }
  std::string decoded;
  const Result<std::string_view> body =
      http::DecodedBody(request, options_.max_request_bytes, &decoded);
  if (!body.has_value()) {
    const StatusCode code = body.error().code();
    const int status = code == StatusCode::kResourceExhausted ? 413
                       : code == StatusCode::kUnsupported     ? 415
                                                              : 400;
    return Failed(status, body.error());
  }
  std::string transcoded;
  if (json) {
    Result<std::string> proto = wire::OtlpMetricsJsonToProto(*body);
    if (!proto.has_value()) return Failed(400, proto.error());
    transcoded = *std::move(proto);
  }
  const Result<wire::OtlpMetrics> metrics =
      wire::DecodeOtlpMetrics(json ? transcoded : *body, options_.limits);
  if (!metrics.has_value()) {
    const bool large = metrics.error().code() == StatusCode::kResourceExhausted;
    return Failed(large ? 413 : 400, metrics.error());
  }
  return Store(*metrics, json);
}

http::Response OtlpMetricsReceiver::Store(const wire::OtlpMetrics& metrics, bool json) {
  // First, as whoever hears of the samples asks what they are.
  if (!metrics.metadata.empty()) sink_->SetMetadata(metrics.metadata);
  AppendOutcome outcome;
  const Rows rows(metrics, sink_);
  if (!rows.batch().empty()) {
    Result<AppendOutcome> appended = sink_->Append(rows.batch());
    if (!appended.has_value()) {
      return Failed(StatusOf(appended.error().code()), appended.error());
    }
    outcome = *std::move(appended);
  }
  const size_t stored = outcome.samples + outcome.histograms + outcome.repeated;
  const size_t refused = metrics.rejected_points + outcome.refused();
  stored_.Add(static_cast<double>(stored));
  refused_.Add(static_cast<double>(refused));

  std::string reason = metrics.rejection;
  if (outcome.refused() > 0) reason += (reason.empty() ? "" : "\n") + outcome.first_refusal;
  if (refused > 0 && stored == 0) return Failed(400, InvalidArgumentError(reason));
  if (json) {
    constexpr std::string_view kRefused = "rejectedDataPoints";
    return http::Response::Json(200, wire::EncodeExportResponseJson(refused, reason, kRefused));
  }
  http::Response response{
      .status = 200, .headers = {}, .body = wire::EncodeExportResponse(refused, reason)};
  response.Set("Content-Type", kProtobuf);
  return response;
}

http::Response OtlpMetricsReceiver::Failed(int status, const Status& error) const {
  http::Response response = http::Response::Text(status, error.message());
  if (status == 429 || status == 503) {
    const Nanos seconds = (options_.retry_after + kSecond - 1) / kSecond;
    response.Set("Retry-After", std::to_string(seconds));
  }
  return response;
}

}  // namespace tocsin::receive
