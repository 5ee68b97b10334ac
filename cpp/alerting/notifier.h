/// How notifications leave the process. Implemented by cpp/deliver/webhook.h, and by fakes in
/// tests.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::alerting {

/// One message to one integration of a receiver.
struct Notification {
  std::string receiver;
  size_t integration = 0;  ///< Which of the receiver's webhooks.
  /// Where to, if the configured URL is a template; empty: the configured one as it stands.
  std::string url;
  std::string body;  ///< JSON.
  /// The same for every attempt at the same message, also after a restart; no two messages share
  /// one.
  std::string idempotency_key;
  Nanos timeout = 0;  ///< Of one attempt, at most.
};

/// Why a notification failed: the values of Alertmanager's label `reason`.
enum class FailureReason : uint8_t {
  kOther,
  kClientError,
  kServerError,
  kCancelled,
  kDeadlineExceeded,
  kAuthError,
  kRateLimited,
};

/// "other", "clientError", "serverError", "contextCanceled", "contextDeadlineExceeded",
/// "authError", "rateLimited".
std::string_view FailureReasonName(FailureReason reason);

struct NotifyOutcome {
  Status status;  ///< Ok: it was taken. What follows counts only otherwise.
  FailureReason reason = FailureReason::kOther;
  bool worth_another_try = false;
  Nanos retry_after = 0;  ///< No sooner than so long from now; 0: as the caller sees fit.
};

class Notifier {
 public:
  virtual ~Notifier() = default;

  /// Delivers, or says why not; may block for as long as the notification's time-out. Thread-safe.
  virtual NotifyOutcome Notify(const Notification& notification) = 0;
};

}  // namespace tocsin::alerting
