/// Notifications as HTTP POSTs.

#pragma once

#include <functional>

#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/http/client.h"

namespace tocsin::deliver {

/// http::Fetch, or a test's stand-in. Called from several threads at once.
using FetchFunction = std::function<Result<http::Response>(const http::ClientRequest&)>;

class WebhookNotifier final : public alerting::Notifier {
 public:
  explicit WebhookNotifier(FetchFunction fetch, Nanos timeout = 10 * kSecond)
      : fetch_(std::move(fetch)), timeout_(timeout) {}

  /// Any 2xx is success. kUnavailable for 5xx and for what never got an answer; everything else is
  /// final: kInvalidArgument with the status and the beginning of the answer.
  Status Notify(const alerting::Notification& notification) override;

 private:
  const FetchFunction fetch_;
  const Nanos timeout_;
};

}  // namespace tocsin::deliver
