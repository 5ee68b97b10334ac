#include "cpp/deliver/remote_write_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/base/version.h"
#include "cpp/deliver/retry_after.h"
#include "cpp/http/url.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::deliver {
namespace {

constexpr Nanos kWarnInterval = kMinute;
constexpr size_t kMaxAnswerBytes = 64 << 10;
constexpr size_t kShownAnswerBytes = 256;

// Of the kinds, in their order.
constexpr std::array<std::string_view, kItemKinds> kWrittenHeaders = {
    "x-prometheus-remote-write-samples-written", "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written"};

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<ItemCounts> WrittenOf(const http::Response& response) {
  ItemCounts written;
  bool said = false;
  for (size_t i = 0; i < kItemKinds; ++i) {
    const auto number = ParseNumber<uint64_t>(response.Header(kWrittenHeaders[i]));
    said = said || number.has_value();
    written.of[i] = number.value_or(0);
  }
  return said ? std::optional(written) : std::nullopt;
}

}  // namespace

http::ClientRequest WriteClient::RequestOf(const std::string& body, WriteMessage message,
                                           int attempt) const {
  const bool v2 = message == WriteMessage::kV2;
  http::ClientRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = options_.headers;
  request.headers.emplace_back("Content-Encoding", "snappy");
  request.headers.emplace_back("Content-Type",
                               v2 ? wire::kWriteV2ContentType : wire::kWriteContentType);
  request.headers.emplace_back("X-Prometheus-Remote-Write-Version",
                               v2 ? wire::kWriteV2Version : wire::kWriteVersion);
  request.headers.emplace_back("User-Agent", "Tocsin/" + std::string(Version()));
  if (attempt > 0) request.headers.emplace_back("Retry-Attempt", std::to_string(attempt));
  request.body = body;
  request.timeout = draining() ? std::min(options_.remote_timeout, kStopGrace)  //
                               : options_.remote_timeout;
  request.stop = abandon_.get_token();
  request.max_response_bytes = kMaxAnswerBytes;
  return request;
}

WriteAnswer WriteClient::Send(const std::string& body, WriteMessage message, int attempt) {
  ++patient_;  // Before it is looked whether we are draining: so Drain() misses none.
  const bool hasty = draining();
  if (hasty) --patient_;
  const Nanos begin = ports_.clock->Now();
  const Result<http::Response> response = ports_.fetch(RequestOf(body, message, attempt));
  const Nanos end = ports_.clock->Now();
  metrics_->duration.Observe(static_cast<double>(end - begin) / kSecond);
  if (!hasty) --patient_;
  return Judge(response, message, end);
}

WriteAnswer WriteClient::Judge(const Result<http::Response>& response, WriteMessage message,
                               Nanos now) {
  using Outcome = WriteAnswer::Outcome;
  const bool v2 = message == WriteMessage::kV2;
  WriteAnswer answer;
  if (response.has_value() && v2) answer.written = WrittenOf(*response);
  if (response.has_value() && response->status / 100 == 2) {
    if (v2) v2_taken_.store(true);
    return answer;
  }
  Warn(response, now);
  answer.outcome = Outcome::kRetry;
  if (!response.has_value()) return answer;
  const int status = response->status;
  if (status / 100 == 5 || (status == 429 && options_.retry_on_http_429)) {
    answer.retry_after = ParseRetryAfter(response->Header("retry-after"), now, kMaxRetryAfter);
    return answer;
  }
  if (status == 415 && v2 && !v2_taken_.load()) {
    if (!fell_back_.exchange(true)) {
      log::Warn("remote write: the receiver does not take 2.0 messages, 1.0 is sent from now on",
                {{"name", options_.name}, {"url", http::ShownUrl(options_.url)}});
    }
    answer.outcome = Outcome::kOtherMessage;
    return answer;
  }
  answer.outcome = Outcome::kRefused;
  return answer;
}

void WriteClient::Warn(const Result<http::Response>& response, Nanos now) {
  Nanos last = warned_at_.load();
  if (last != 0 && now < last + kWarnInterval) return;
  if (!warned_at_.compare_exchange_strong(last, now)) return;
  const std::string reason = response.has_value() ? std::to_string(response->status) + " " +
                                                        response->body.substr(0, kShownAnswerBytes)
                                                  : response.error().ToString();
  log::Warn("remote write: a request failed",
            {{"name", options_.name}, {"url", http::ShownUrl(options_.url)}, {"reason", reason}});
}

}  // namespace tocsin::deliver
