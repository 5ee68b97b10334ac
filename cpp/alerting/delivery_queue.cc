#include "cpp/alerting/delivery_queue.h"

#include <algorithm>

namespace tocsin::alerting {

void DeliveryQueue::Put(const std::shared_ptr<Delivery>& delivery) {
  Remove(delivery);
  if (delivery->serial == 0) delivery->serial = ++last_serial_;
  const Place place{delivery->next_attempt, delivery->serial};
  queue_.emplace(place, delivery);
  places_.emplace(delivery->serial, place);
}

void DeliveryQueue::Remove(const std::shared_ptr<Delivery>& delivery) {
  const auto place = places_.find(delivery->serial);
  if (place == places_.end()) return;
  queue_.erase(place->second);
  places_.erase(place);
}

DeliveryQueue::Queue::const_iterator DeliveryQueue::FirstThatMay() const {
  return std::ranges::find_if(queue_, [this](const auto& entry) {
    const auto there = in_flight_.find(TargetOf(*entry.second));
    return there == in_flight_.end() || there->second < at_once_;
  });
}

std::shared_ptr<Delivery> DeliveryQueue::Take(Nanos now) {
  const auto first = FirstThatMay();
  if (first == queue_.end() || first->first.first > now) return nullptr;
  std::shared_ptr<Delivery> delivery = first->second;
  Remove(delivery);
  delivery->in_flight = true;
  ++in_flight_[TargetOf(*delivery)];
  return delivery;
}

void DeliveryQueue::Land(const std::shared_ptr<Delivery>& delivery) {
  delivery->in_flight = false;
  const auto there = in_flight_.find(TargetOf(*delivery));
  if (--there->second == 0) in_flight_.erase(there);
}

std::optional<Nanos> DeliveryQueue::Next() const {
  const auto first = FirstThatMay();
  if (first == queue_.end()) return std::nullopt;
  return first->first.first;
}

}  // namespace tocsin::alerting
