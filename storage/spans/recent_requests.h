/// The requests of the last ten minutes, so that a repeat is recognised. A sender that saw no
/// answer sends the same bytes again; they must be stored and counted once.
///
/// Kept by the minute, or by less of it when there are many: what is old enough goes as a whole,
/// and nothing is ever deleted from a table. At most kMaxRequests, or fewer, are kept, which is 45
/// MB; beyond that the oldest go early, and repeats of them would be stored again.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "cpp/base/clock.h"
#include "storage/spans/log_format.h"

namespace tocsin::storage {

inline constexpr Nanos kRepeatWindow = 10 * kMinute;

/// Not thread-safe.
class RecentRequests {
 public:
  static constexpr size_t kMaxRequests = size_t{1} << 20;

  explicit RecentRequests(size_t max_requests = kMaxRequests) : max_requests_(max_requests) {}

  /// The position of that request, if it was received less than ten minutes before `now`.
  std::optional<LogPosition> Find(const Hash128Value& key, Nanos now) const;

  void Add(const RecentRequest& request);

  /// Forgets the minutes whose requests are all older than ten minutes.
  void Expire(Nanos now);

  /// Those with a position in [first, last] that are younger than ten minutes.
  std::vector<RecentRequest> InRange(LogPosition first, LogPosition last, Nanos now) const;

  size_t size() const { return size_; }

 private:
  /// Insertion-ordered entries and an open-addressing index of them.
  struct Generation {
    Nanos begin = 0;
    Nanos newest = 0;
    std::vector<RecentRequest> requests;
    std::vector<uint32_t> slots;  // Index into `requests` + 1; 0 is empty.

    const RecentRequest* Find(const Hash128Value& key) const;
    void Add(const RecentRequest& request);
    void Place(uint32_t index);
  };

  const size_t max_requests_;
  std::deque<Generation> generations_;  // Oldest first.
  size_t size_ = 0;
};

}  // namespace tocsin::storage
