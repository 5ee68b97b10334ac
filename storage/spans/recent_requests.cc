#include "storage/spans/recent_requests.h"

#include <algorithm>

namespace tocsin::storage {
namespace {

constexpr size_t kFirstSlots = 64;
// So that no more than this part of the memory is forgotten early at a time.
constexpr size_t kLeastGenerations = 10;

}  // namespace

const RecentRequest* RecentRequests::Generation::Find(const Hash128Value& key) const {
  if (slots.empty()) return nullptr;
  const size_t mask = slots.size() - 1;
  for (size_t at = key.low & mask; slots[at] != 0; at = (at + 1) & mask) {
    const RecentRequest& request = requests[slots[at] - 1];
    if (request.key == key) return &request;
  }
  return nullptr;
}

void RecentRequests::Generation::Place(uint32_t index) {
  const size_t mask = slots.size() - 1;
  size_t at = requests[index].key.low & mask;
  while (slots[at] != 0) at = (at + 1) & mask;
  slots[at] = index + 1;
}

void RecentRequests::Generation::Add(const RecentRequest& request) {
  newest = std::max(newest, request.received);
  requests.push_back(request);
  if (requests.size() * 2 <= slots.size()) {
    Place(static_cast<uint32_t>(requests.size() - 1));
    return;
  }
  slots.assign(std::max(kFirstSlots, slots.size() * 2), 0);
  for (uint32_t i = 0; i < requests.size(); ++i) Place(i);
}

std::optional<LogPosition> RecentRequests::Find(const Hash128Value& key, Nanos now) const {
  // Newest first: a request may have come again after its first ten minutes.
  for (auto it = generations_.rbegin(); it != generations_.rend(); ++it) {
    const RecentRequest* found = it->Find(key);
    if (found != nullptr && found->received > now - kRepeatWindow) return found->position;
  }
  return std::nullopt;
}

void RecentRequests::Add(const RecentRequest& request) {
  Expire(request.received);
  const size_t most = std::max<size_t>(max_requests_ / kLeastGenerations, 1);
  if (generations_.empty() || request.received >= generations_.back().begin + kMinute ||
      generations_.back().requests.size() >= most) {
    generations_.emplace_back();
    generations_.back().begin = request.received;
    generations_.back().newest = request.received;
  }
  generations_.back().Add(request);
  ++size_;
  while (size_ > max_requests_ && generations_.size() > 1) {
    size_ -= generations_.front().requests.size();
    generations_.pop_front();
  }
}

void RecentRequests::Expire(Nanos now) {
  while (!generations_.empty() && generations_.front().newest <= now - kRepeatWindow) {
    size_ -= generations_.front().requests.size();
    generations_.pop_front();
  }
}

std::vector<RecentRequest> RecentRequests::InRange(LogPosition first, LogPosition last,
                                                   Nanos now) const {
  std::vector<RecentRequest> found;
  for (const Generation& generation : generations_) {
    for (const RecentRequest& request : generation.requests) {
      if (request.position >= first && request.position <= last &&
          request.received > now - kRepeatWindow) {
        found.push_back(request);
      }
    }
  }
  return found;
}

}  // namespace tocsin::storage
