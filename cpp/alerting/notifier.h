/// How notifications leave the process. Implemented by cpp/deliver/webhook.h, and by fakes in
/// tests.

#pragma once

#include <string>

#include "cpp/base/status.h"

namespace tocsin::alerting {

struct Notification {
  std::string url;
  std::string body;  ///< JSON.
};

class Notifier {
 public:
  virtual ~Notifier() = default;

  /// Delivers, or says why not; may block for as long as its own time-out. kUnavailable and
  /// kDeadlineExceeded are worth another try, every other error is final. Thread-safe.
  virtual Status Notify(const Notification& notification) = 0;
};

}  // namespace tocsin::alerting
