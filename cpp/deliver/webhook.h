/// Notifications as HTTP POSTs.

#pragma once

#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/http/client.h"

namespace tocsin::deliver {

class WebhookNotifier final : public alerting::Notifier {
 public:
  explicit WebhookNotifier(http::FetchFunction fetch, Nanos timeout = 10 * kSecond)
      : fetch_(std::move(fetch)), timeout_(timeout) {}

  /// Any 2xx is success. kUnavailable for 5xx and for what never got an answer; everything else is
  /// final: kInvalidArgument with the status and the beginning of the answer.
  Status Notify(const alerting::Notification& notification) override;

 private:
  const http::FetchFunction fetch_;
  const Nanos timeout_;
};

}  // namespace tocsin::deliver
