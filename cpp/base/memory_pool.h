/// A budget of bytes that several threads share: they take from it before they use memory and give
/// it back afterwards; what does not fit is refused, not waited for. Nothing is allocated here.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace tocsin {

/// What a query is told that finds the pool of all queries used up.
inline constexpr std::string_view kNoQueryMemory =
    "the queries that run hold all memory that there is for queries; ask for less, or again later";

/// Thread-safe.
class MemoryPool {
 public:
  explicit MemoryPool(size_t limit) : limit_(limit) {}
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// False, and nothing is taken, if so many bytes are not left.
  [[nodiscard]] bool Take(size_t bytes) {
    size_t used = used_.load(std::memory_order_relaxed);
    while (used <= limit_ && bytes <= limit_ - used) {
      if (used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  /// REQUIRES: so many are taken.
  void Give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t limit() const { return limit_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t limit_;
  std::atomic<size_t> used_ = 0;
};

/// What one piece of work has taken of a pool, which outlives it; given back when it goes. Not
/// thread-safe.
class MemoryLease {
 public:
  /// Null: there is always enough.
  explicit MemoryLease(MemoryPool* pool) : pool_(pool) {}
  ~MemoryLease() { Give(held_); }
  MemoryLease(const MemoryLease&) = delete;
  MemoryLease& operator=(const MemoryLease&) = delete;

  [[nodiscard]] bool Take(size_t bytes) {
    if (pool_ == nullptr) return true;
    if (!pool_->Take(bytes)) return false;
    held_ += bytes;
    return true;
  }
  /// Of what is held; more than that is not given.
  void Give(size_t bytes) {
    if (pool_ == nullptr) return;
    bytes = std::min(bytes, held_);
    held_ -= bytes;
    pool_->Give(bytes);
  }

 private:
  MemoryPool* const pool_;
  size_t held_ = 0;
};

}  // namespace tocsin
