/// The requests of one remote writer: their headers, and what the answers mean.

#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <string>

#include "cpp/base/clock.h"
#include "cpp/deliver/remote_write_metrics.h"
#include "cpp/deliver/remote_write_options.h"

namespace tocsin::deliver {

/// What became of a request.
struct WriteAnswer {
  enum class Outcome : uint8_t {
    kSent,          ///< 2xx.
    kRetry,         ///< 5xx, no answer, and 429 where that is wanted: again, later.
    kRefused,       ///< Any other answer: for good.
    kOtherMessage,  ///< 415: again at once, as message() now says.
  };
  Outcome outcome = Outcome::kSent;
  Nanos retry_after = 0;  ///< As the receiver asks for; 0: it does not.
  /// What the receiver says that it has written (2.0 only), of a request that it refuses too; the
  /// rest of that is lost.
  std::optional<ItemCounts> written;
};

/// Thread-safe.
class WriteClient {
 public:
  /// Of a request once the writer is stopping: by then somebody waits for the process to end.
  static constexpr Nanos kStopGrace = kSecond;
  /// What a receiver may ask for with Retry-After; more is taken for a mistake.
  static constexpr Nanos kMaxRetryAfter = 5 * kMinute;

  /// Borrows all of them.
  WriteClient(const RemoteWriteOptions& options, const RemoteWritePorts& ports,
              RemoteWriteMetrics* metrics)
      : options_(options), ports_(ports), metrics_(metrics) {}

  /// What the next request is to be. A receiver that says 415 to 2.0, and has not taken any of it
  /// yet, is sent 1.0 from then on.
  WriteMessage message() const {
    return fell_back_.load(std::memory_order_acquire) ? WriteMessage::kV1 : options_.message;
  }

  /// Sends a compressed body of that message. `attempt`: how often it was sent before.
  WriteAnswer Send(const std::string& body, WriteMessage message, int attempt);

  /// From now on requests are given kStopGrace.
  void Drain() { draining_.store(true); }
  bool draining() const { return draining_.load(); }
  /// Are there requests on their way that began before Drain()?
  bool HasPatientRequests() const { return patient_.load() > 0; }
  /// Ends the requests on their way, and all later ones at once.
  void Abandon() { abandon_.request_stop(); }

 private:
  http::ClientRequest RequestOf(const std::string& body, WriteMessage message, int attempt) const;
  WriteAnswer Judge(const Result<http::Response>& response, WriteMessage message, Nanos now);
  void Warn(const Result<http::Response>& response, Nanos now);

  const RemoteWriteOptions& options_;
  const RemoteWritePorts& ports_;
  RemoteWriteMetrics* const metrics_;
  std::atomic<bool> fell_back_ = false;
  std::atomic<bool> v2_taken_ = false;
  std::atomic<bool> draining_ = false;
  std::atomic<int> patient_ = 0;
  std::atomic<Nanos> warned_at_ = 0;
  std::stop_source abandon_;
};

}  // namespace tocsin::deliver
