/// Notifications as HTTP POSTs.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/http/client.h"
#include "cpp/routing/config.h"

namespace tocsin::deliver {

/// Reaches the webhooks of all receivers, each with a client of its own. Thread-safe.
class WebhookNotifier final : public alerting::Notifier {
 public:
  /// How a webhook is reached; by default through an http::Client of its options. Tests stand in.
  using MakeFetch = std::function<http::FetchFunction(const http::ClientOptions&)>;

  /// `stop` ends deliveries under way.
  explicit WebhookNotifier(std::stop_token stop, MakeFetch make_fetch = {});

  /// The receivers that count from now on. A webhook that stays as it was keeps its connections;
  /// deliveries under way end as they began.
  void Configure(const std::vector<routing::Receiver>& receivers);

  /// Any 2xx is success. Worth another try: 5xx, 429, and what never got an answer. Retry-After is
  /// taken from 429 and 5xx, an hour at most. Other answers, an unknown integration, and
  /// a url_file that cannot be read are final. Messages tell the status and the beginning of the
  /// answer.
  alerting::NotifyOutcome Notify(const alerting::Notification& notification) override;

 private:
  struct Target {
    http::Secret url;
    http::ClientOptions options;
    http::FetchFunction fetch;
  };
  using Targets = std::vector<std::shared_ptr<const Target>>;

  std::shared_ptr<const Target> Find(const std::string& receiver, size_t integration) const;
  std::shared_ptr<const Target> Make(const routing::Webhook& webhook) const;

  const std::stop_token stop_;
  const MakeFetch make_fetch_;
  mutable std::mutex mutex_;
  std::map<std::string, Targets, std::less<>> targets_;  ///< By receiver.
};

}  // namespace tocsin::deliver
