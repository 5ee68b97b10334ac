/// Notifications between decision and delivery, and the bytes in which they outlive the process.
/// Private to this folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/alerting/notification_log.h"
#include "cpp/alerting/notifier.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::alerting {

/// One notification on its way to one integration of a receiver.
struct Delivery {
  uint64_t serial = 0;  ///< Of two that are due at once the older goes first; set by the queue.
  std::string group_key;
  LogEntry entry;  ///< What success writes into the log.
  Notification notification;
  Nanos deadline = 0;  ///< The look that decides anew; attempts end before it.
  int attempts = 0;    ///< Since the last look.
  Nanos next_attempt = 0;
  Nanos not_before = 0;       ///< The receiver asked to be left alone until then.
  bool in_flight = false;     ///< A thread is at it, without the lock.
  bool given_up = false;      ///< Until the next look.
  bool is_overtaken = false;  ///< While in flight: nobody waits for it any more.
  /// It comes from an outbox that another process left, and goes out once before anything may
  /// replace it.
  bool restored = false;
};

/// A name for one message that no other has: of whom it goes to, what about, and when it was
/// decided. 32 hexadecimal digits.
std::string IdempotencyKey(const Notification& notification, std::string_view group_key,
                           Nanos decided_at);

/// The pause before the next try after that many failed ones: half a second, doubling up to a
/// minute.
Nanos Backoff(int attempts);

/// Keys in the state store, of what is told to one integration about one group.
std::string LogKey(std::string_view receiver, size_t integration, std::string_view group_key);
std::string OutboxKey(const Delivery& delivery);

std::string EncodeDelivery(const Delivery& delivery);
Result<Delivery> DecodeDelivery(std::string_view bytes);

}  // namespace tocsin::alerting
