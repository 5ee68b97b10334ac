#include "cpp/deliver/webhook.h"

#include <string>

#include "cpp/base/version.h"

namespace tocsin::deliver {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 10;
constexpr size_t kAnswerShown = 200;

}  // namespace

Status WebhookNotifier::Notify(const alerting::Notification& notification) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = notification.url;
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "Tocsin/" + std::string(Version())}};
  request.body = notification.body;
  request.timeout = timeout_;
  request.max_response_bytes = kMaxAnswerBytes;
  const Result<http::Response> response = fetch_(request);
  if (!response) return response.error();
  if (response->status / 100 == 2) return {};
  const std::string what = "webhook answered " + std::to_string(response->status) + ": " +
                           response->body.substr(0, kAnswerShown);
  if (response->status / 100 == 5) return UnavailableError(what);
  return InvalidArgumentError(what);
}

}  // namespace tocsin::deliver
