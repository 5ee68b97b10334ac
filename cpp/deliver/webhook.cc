#include "cpp/deliver/webhook.h"

#include <utility>

#include "cpp/base/version.h"
#include "cpp/deliver/retry_after.h"
#include "cpp/http/secret.h"

namespace tocsin::deliver {
namespace {

using alerting::FailureReason;
using alerting::NotifyOutcome;

constexpr size_t kMaxAnswerBytes = 64 << 10;
constexpr size_t kAnswerShown = 200;
constexpr Nanos kMaxRetryAfter = kHour;

http::FetchFunction FetchThroughClient(const http::ClientOptions& options) {
  return [client = std::make_shared<http::Client>(options)](const http::ClientRequest& request) {
    return client->Fetch(request);
  };
}

NotifyOutcome NoAnswer(const Status& status) {
  NotifyOutcome outcome;
  outcome.status = status;
  switch (status.code()) {
    case StatusCode::kDeadlineExceeded:
      outcome.reason = FailureReason::kDeadlineExceeded;
      outcome.worth_another_try = true;
      break;
    case StatusCode::kCancelled:
      outcome.reason = FailureReason::kCancelled;
      break;
    case StatusCode::kUnauthenticated:
      outcome.reason = FailureReason::kAuthError;
      outcome.worth_another_try = true;  // The token's server may be back soon.
      break;
    default:
      // A file or URL that cannot be read does not heal by asking again.
      outcome.worth_another_try =
          status.code() != StatusCode::kInvalidArgument && status.code() != StatusCode::kNotFound;
      break;
  }
  return outcome;
}

FailureReason ReasonOf(int status) {
  if (status == 401 || status == 403) return FailureReason::kAuthError;
  if (status == 429) return FailureReason::kRateLimited;
  if (status / 100 == 4) return FailureReason::kClientError;
  return status / 100 == 5 ? FailureReason::kServerError : FailureReason::kOther;
}

NotifyOutcome OutcomeOf(const http::Response& response) {
  NotifyOutcome outcome;
  if (response.status / 100 == 2) return outcome;
  const std::string what = "webhook answered " + std::to_string(response.status) + ": " +
                           response.body.substr(0, kAnswerShown);
  outcome.reason = ReasonOf(response.status);
  outcome.worth_another_try = response.status / 100 == 5 || response.status == 429;
  if (!outcome.worth_another_try) {
    outcome.status = InvalidArgumentError(what);
    return outcome;
  }
  outcome.status = UnavailableError(what);
  outcome.retry_after =
      ParseRetryAfter(response.Header("retry-after"), Clock::Real().Now(), kMaxRetryAfter);
  return outcome;
}

}  // namespace

WebhookNotifier::WebhookNotifier(std::stop_token stop, MakeFetch make_fetch)
    : stop_(std::move(stop)),
      make_fetch_(make_fetch ? std::move(make_fetch) : FetchThroughClient) {}

std::shared_ptr<const WebhookNotifier::Target> WebhookNotifier::Make(
    const routing::Webhook& webhook) const {
  return std::make_shared<const Target>(webhook.url, webhook.client, make_fetch_(webhook.client));
}

void WebhookNotifier::Configure(const std::vector<routing::Receiver>& receivers) {
  std::map<std::string, Targets, std::less<>> made;
  const std::lock_guard lock(mutex_);
  for (const routing::Receiver& receiver : receivers) {
    const auto before = targets_.find(receiver.name);
    Targets& targets = made[receiver.name];
    for (size_t i = 0; i < receiver.webhooks.size(); ++i) {
      const routing::Webhook& webhook = receiver.webhooks[i];
      const bool kept = before != targets_.end() && i < before->second.size() &&
                        before->second[i]->url == webhook.url &&
                        before->second[i]->options == webhook.client;
      targets.push_back(kept ? before->second[i] : Make(webhook));
    }
  }
  targets_ = std::move(made);
}

std::shared_ptr<const WebhookNotifier::Target> WebhookNotifier::Find(const std::string& receiver,
                                                                     size_t integration) const {
  const std::lock_guard lock(mutex_);
  const auto it = targets_.find(receiver);
  if (it == targets_.end() || integration >= it->second.size()) return nullptr;
  return it->second[integration];
}

NotifyOutcome WebhookNotifier::Notify(const alerting::Notification& notification) {
  const auto target = Find(notification.receiver, notification.integration);
  if (target == nullptr) return NoAnswer(NotFoundError("there is no such webhook any more"));
  http::ClientRequest request;
  request.method = "POST";
  request.url = notification.url;
  if (request.url.empty()) {
    Result<std::string> url = http::ReadSecret(target->url);
    if (!url.has_value()) return NoAnswer(url.error());
    request.url = *std::move(url);
  }
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "Tocsin/" + std::string(Version())},
                     {"Idempotency-Key", notification.idempotency_key}};
  request.body = notification.body;
  request.timeout = notification.timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  request.stop = stop_;
  const Result<http::Response> response = target->fetch(request);
  return response.has_value() ? OutcomeOf(*response) : NoAnswer(response.error());
}

}  // namespace tocsin::deliver
