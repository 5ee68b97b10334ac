/// Which delivery is next. Private to this folder; without a lock of its own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cpp/alerting/outbox.h"
#include "cpp/base/clock.h"

namespace tocsin::alerting {

/// Orders deliveries by their next attempt, and lets only so many go to one integration at once.
class DeliveryQueue {
 public:
  explicit DeliveryQueue(size_t at_once) : at_once_(at_once) {}

  /// Puts it at its next_attempt, wherever it stood.
  void Put(const std::shared_ptr<Delivery>& delivery);
  void Remove(const std::shared_ptr<Delivery>& delivery);
  /// The next that may go, out of the queue and in flight; null if none is due.
  std::shared_ptr<Delivery> Take(Nanos now);
  /// It is not in flight any more. It is in the queue again only after Put.
  void Land(const std::shared_ptr<Delivery>& delivery);
  /// When the next may go, as things are; nullopt: none.
  std::optional<Nanos> Next() const;

 private:
  using Place = std::pair<Nanos, uint64_t>;  ///< When, and the serial number.
  using Queue = std::map<Place, std::shared_ptr<Delivery>>;
  using Target = std::pair<std::string, size_t>;

  static Target TargetOf(const Delivery& delivery) {
    return {delivery.notification.receiver, delivery.notification.integration};
  }
  Queue::const_iterator FirstThatMay() const;

  const size_t at_once_;
  Queue queue_;
  std::map<uint64_t, Place> places_;  ///< Where each stands in queue_, by its serial number.
  uint64_t last_serial_ = 0;
  std::map<Target, size_t> in_flight_;
};

}  // namespace tocsin::alerting
