#include "cpp/receive/remote_write_receiver.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "cpp/http/content.h"
#include "cpp/receive/write_batch.h"

namespace tocsin::receive {
namespace {

using wire::WriteMessage;

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kSpoken =
    "; spoken here: application/x-protobuf;proto=prometheus.WriteRequest and "
    "application/x-protobuf;proto=io.prometheus.write.v2.Request, in snappy's block format";

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// The message of a Content-Type; of a sender that says none it is 1.0, which once was all there is.
std::optional<WriteMessage> MessageOf(std::string_view content_type) {
  if (Trimmed(content_type).empty()) return WriteMessage::kV1;
  if (http::MediaType(content_type) != kProtobuf) return std::nullopt;
  WriteMessage message = WriteMessage::kV1;
  for (size_t at = content_type.find(';'); at != std::string_view::npos;) {
    const size_t next = content_type.find(';', at + 1);
    const std::string_view parameter = content_type.substr(at + 1, next - at - 1);
    at = next;
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (Lower(Trimmed(parameter.substr(0, equals))) != "proto") continue;
    const std::string_view value = Trimmed(parameter.substr(equals + 1));
    if (value == "io.prometheus.write.v2.Request") {
      message = WriteMessage::kV2;
    } else if (value == "prometheus.WriteRequest") {
      message = WriteMessage::kV1;
    } else {
      return std::nullopt;
    }
  }
  return message;
}

bool IsSnappy(std::string_view content_encoding) {
  const std::string coding = Lower(Trimmed(content_encoding));
  return coding.empty() || coding == "snappy";  // 1.0 knows no other.
}

http::Response Unsupported(std::string_view what, std::string_view value) {
  return http::Response::Text(415, std::string(what) + " \"" + std::string(value) +
                                       "\" is not understood" + std::string(kSpoken) + "\n");
}

struct Written {
  size_t samples = 0;
  size_t histograms = 0;
  size_t exemplars = 0;
};

void SetWritten(const Written& written, http::Response* response) {
  response->Set("X-Prometheus-Remote-Write-Samples-Written", std::to_string(written.samples));
  response->Set("X-Prometheus-Remote-Write-Histograms-Written", std::to_string(written.histograms));
  response->Set("X-Prometheus-Remote-Write-Exemplars-Written", std::to_string(written.exemplars));
}

// What is stored of a request, in the sender's terms: what was there already is stored, and a stale
// marker that came as a histogram is a histogram.
Written WrittenOf(const WriteBatch& batch, const AppendOutcome& outcome) {
  const SampleBatch sent = batch.batch();
  const size_t stale = batch.stale_histograms();
  Written written;
  written.samples = sent.samples.size() - stale;
  written.histograms = sent.histograms.size() + stale;
  written.exemplars =
      sent.exemplars.size() - std::min(sent.exemplars.size(), outcome.exemplars_rejected);
  if (outcome.refused() > 0) {
    const size_t floats = outcome.samples + outcome.repeated;
    written.histograms = std::min(written.histograms,
                                  outcome.histograms + floats - std::min(floats, written.samples));
    written.samples = std::min(written.samples, floats);
  }
  return written;
}

std::string_view VersionOf(WriteMessage message) {
  return message == WriteMessage::kV1 ? "1.0" : "2.0";
}

}  // namespace

RemoteWriteReceiver::RemoteWriteReceiver(SampleSink* sink, RemoteWriteOptions options,
                                         Telemetry* telemetry)
    : sink_(sink), options_(options), telemetry_(telemetry), cache_(options.max_cached_series) {
  CountInvalidLabels(0);  // So that it is there to be watched before the first.
}

void RemoteWriteReceiver::Register(http::Router* router) {
  router->Handle("POST", "/api/v1/write",
                 [this](const http::Request& request) { return Write(request); });
}

http::Response RemoteWriteReceiver::Write(const http::Request& request) {
  const std::string_view content_type = request.Header("content-type");
  const std::optional<WriteMessage> message = MessageOf(content_type);
  if (!message) return Unsupported("the content type", content_type);
  const std::string_view coding = request.Header("content-encoding");
  if (!IsSnappy(coding)) return Unsupported("the content encoding", coding);

  http::Response response{.status = 204};
  if (*message == WriteMessage::kV2) SetWritten({}, &response);
  const Result<wire::WriteRequest> decoded =
      wire::WriteRequest::Decode(request.body, *message, options_.limits);
  if (!decoded.has_value()) {
    const bool too_large = decoded.error().code() == StatusCode::kResourceExhausted;
    return Failed(too_large ? 413 : 400, decoded.error(), std::move(response));
  }
  Result<WriteBatch> batch = WriteBatch::Make(*decoded, *message, sink_, &cache_);
  if (!batch.has_value()) return Failed(400, batch.error(), std::move(response));
  return Store(*std::move(batch), *message, std::move(response));
}

http::Response RemoteWriteReceiver::Store(WriteBatch batch, WriteMessage message,
                                          http::Response response) {
  // First, as whoever hears of the samples asks what they are.
  if (!batch.metadata().empty()) sink_->SetMetadata(batch.metadata());
  AppendOutcome outcome;
  if (!batch.batch().empty()) {
    Result<AppendOutcome> appended = sink_->Append(batch.batch());
    if (!appended.has_value()) {
      const StatusCode code = appended.error().code();
      const int status = code == StatusCode::kUnavailable         ? 503
                         : code == StatusCode::kResourceExhausted ? 429
                                                                  : 500;
      return Failed(status, appended.error(), std::move(response));
    }
    outcome = *std::move(appended);
  }
  // The ref of a series beyond the limit is none; later there may be room for it.
  if (outcome.limited == 0) cache_.Insert(batch.new_series());
  Count(batch, outcome, message);

  if (message == WriteMessage::kV2) SetWritten(WrittenOf(batch, outcome), &response);
  if (outcome.refused() > 0) batch.refusals().Add(outcome.first_refusal);
  // In 1.0 an exemplar is no reason to refuse: its senders do not expect it.
  if (outcome.exemplars_rejected > 0 && message == WriteMessage::kV2) {
    batch.refusals().Add(std::to_string(outcome.exemplars_rejected) +
                         " exemplars are out of order or too long");
  }
  if (batch.refusals().empty()) return response;
  response.status = 400;
  response.Set("Content-Type", "text/plain; charset=utf-8");
  response.body = batch.refusals().Text();
  return response;
}

http::Response RemoteWriteReceiver::Failed(int status, const Status& error,
                                           http::Response response) const {
  response.status = status;
  response.Set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::string(error.message()) + "\n";
  if (status == 429 || status == 503) {
    const Nanos seconds = (options_.retry_after + kSecond - 1) / kSecond;
    response.Set("Retry-After", std::to_string(seconds));
  }
  return response;
}

void RemoteWriteReceiver::Count(const WriteBatch& batch, const AppendOutcome& outcome,
                                WriteMessage message) {
  const auto received = [&](const char* kind, size_t items) {
    if (items == 0) return;
    telemetry_
        ->GetCounter("tocsin_remote_write_received_total",
                     "Samples, histograms and exemplars stored of remote write requests.",
                     {{"version", std::string(VersionOf(message))}, {"kind", kind}})
        .Add(static_cast<double>(items));
  };
  received("sample", outcome.samples);
  received("histogram", outcome.histograms);
  received("exemplar", outcome.exemplars);
  CountInvalidLabels(batch.invalid_label_samples());
  const auto refused = [&](const char* reason, size_t items) {
    if (items == 0) return;
    telemetry_
        ->GetCounter("tocsin_remote_write_refused_total",
                     "Samples, histograms and exemplars of remote write requests not stored.",
                     {{"reason", reason}})
        .Add(static_cast<double>(items));
  };
  refused("invalid_labels", batch.invalid_label_samples());
  refused("invalid_histogram", batch.invalid_histograms());
  refused("invalid_exemplar", batch.invalid_exemplars());
  refused("out_of_order", outcome.out_of_order);
  refused("duplicate", outcome.duplicates);
  refused("out_of_bounds", outcome.out_of_bounds);
  refused("series_limit", outcome.limited);
  refused("exemplar", outcome.exemplars_rejected);
}

void RemoteWriteReceiver::CountInvalidLabels(size_t samples) {
  telemetry_
      ->GetCounter("prometheus_api_remote_write_invalid_labels_samples_total",
                   "Samples and histograms of remote write requests refused for invalid labels.")
      .Add(static_cast<double>(samples));
}

}  // namespace tocsin::receive
