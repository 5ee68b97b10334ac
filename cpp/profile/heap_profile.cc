// Profiles of what C++ allocates: the global operators new and delete stand here.
//
// An allocation is looked at when it passes one of the marks that lie in the stream of allocated
// bytes, each at a random distance from the last, kMeanDistance bytes on average. An object of n
// bytes is seen with probability 1 - exp(-n / mean), so it is counted as the inverse of that many.

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include <execinfo.h>

#include "cpp/profile/profiler.h"
#include "cpp/profile/stack.h"

namespace tocsin::profile {
namespace {

constexpr double kMeanDistance = 512.0 * 1024;
constexpr size_t kMostSites = 20'000;    // Different stacks.
constexpr size_t kMostLive = 1'000'000;  // Seen allocations that are not freed.

struct Site {
  double objects = 0;
  double bytes = 0;
  double live_objects = 0;
  double live_bytes = 0;
};

struct Live {
  Site* site = nullptr;
  double objects = 0;
  double bytes = 0;
};

/// All that one profile has seen.
class Recording {
 public:
  void Allocated(void* memory, size_t size, const Stack& stack) {
    const double seen = 1 - std::exp(-static_cast<double>(size) / kMeanDistance);
    const double objects = 1 / seen;
    const double bytes = static_cast<double>(size) * objects;
    const std::lock_guard lock(mutex_);
    if (sites_.size() >= kMostSites || live_.size() >= kMostLive) return;
    Site& site = sites_[Addresses(stack.view())];
    site.objects += objects;
    site.bytes += bytes;
    site.live_objects += objects;
    site.live_bytes += bytes;
    live_.insert_or_assign(memory, Live{&site, objects, bytes});
  }

  void Freed(void* memory) {
    const std::lock_guard lock(mutex_);
    const auto live = live_.find(memory);
    if (live == live_.end()) return;
    live->second.site->live_objects -= live->second.objects;
    live->second.site->live_bytes -= live->second.bytes;
    live_.erase(live);
  }

  wire::Profile Sum() {
    wire::Profile profile;
    profile.value_types = {{"alloc_objects", "count"},
                           {"alloc_space", "bytes"},
                           {"inuse_objects", "count"},
                           {"inuse_space", "bytes"}};
    profile.period_type = {"space", "bytes"};
    profile.period = static_cast<int64_t>(kMeanDistance);
    const std::lock_guard lock(mutex_);
    for (const auto& [stack, site] : sites_) {
      profile.samples.push_back({stack,
                                 {std::llround(site.objects), std::llround(site.bytes),
                                  std::llround(std::max(site.live_objects, 0.0)),
                                  std::llround(std::max(site.live_bytes, 0.0))}});
    }
    return profile;
  }

 private:
  std::mutex mutex_;
  std::map<std::vector<uint64_t>, Site> sites_;
  std::unordered_map<void*, Live> live_;
};

// Bits of the pointers that a recording holds, so that nearly every delete is done after one load.
class Seen {
 public:
  void Add(const void* memory) { Word(memory).fetch_or(Bit(memory), std::memory_order_relaxed); }
  bool Maybe(const void* memory) {
    return (Word(memory).load(std::memory_order_relaxed) & Bit(memory)) != 0;
  }
  void Clear() {
    for (std::atomic<uint64_t>& word : words_) word.store(0, std::memory_order_relaxed);
  }

 private:
  static uint64_t Hash(const void* memory) {
    return (AddressOf(memory) >> 4) * 0x9e3779b97f4a7c15U >> 44;
  }
  std::atomic<uint64_t>& Word(const void* memory) { return words_[Hash(memory) >> 6]; }
  static uint64_t Bit(const void* memory) { return uint64_t{1} << (Hash(memory) & 63); }

  std::array<std::atomic<uint64_t>, 1 << 14> words_{};  // A million bits.
};

constinit std::atomic<bool> recording_on = false;
constinit std::atomic<uint64_t> generation = 0;
constinit Seen seen;
// Replaced by the next profile only, since a thread may still be in the middle of a look.
std::atomic<std::shared_ptr<Recording>> recording;

struct ThreadState {
  double distance = 0;  // Bytes to the next mark.
  uint64_t generation = 0;
  bool busy = false;  // In here already: what a look itself allocates is not looked at.
};
constinit thread_local ThreadState state;

double RandomDistance() {
  static thread_local std::minstd_rand random(
      static_cast<uint32_t>(AddressOf(&state) >> 4 ^ static_cast<uint64_t>(Clock::Real().Now())));
  const double uniform = (static_cast<double>(random()) + 1) / (std::minstd_rand::max() + 2.0);
  return -std::log(uniform) * kMeanDistance;
}

void Look(void* memory, size_t size) {
  if (state.busy) return;
  state.busy = true;
  if (state.generation != generation.load(std::memory_order_relaxed)) {
    state.generation = generation.load(std::memory_order_relaxed);
    state.distance = RandomDistance();
  }
  state.distance -= static_cast<double>(size);
  if (state.distance <= 0) {
    while (state.distance <= 0) state.distance += RandomDistance();
    Stack stack;
    stack.size = static_cast<size_t>(backtrace(stack.frames.data(), kDeepest));
    if (const std::shared_ptr<Recording> into = recording.load(); into != nullptr) {
      seen.Add(memory);
      into->Allocated(memory, size, stack);
    }
  }
  state.busy = false;
}

void Forget(void* memory) {
  if (state.busy) return;
  state.busy = true;
  if (const std::shared_ptr<Recording> from = recording.load(); from != nullptr) {
    from->Freed(memory);
  }
  state.busy = false;
}

void* Allocate(size_t size, size_t alignment) {
  // As the standard has it: the handler may make room, and without one there is none.
  while (true) {
    void* memory = alignment <= alignof(std::max_align_t)
                       ? std::malloc(size == 0 ? 1 : size)
                       : std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
    if (memory != nullptr) {
      if (recording_on.load(std::memory_order_relaxed)) [[unlikely]] {
        Look(memory, size);
      }
      return memory;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) return nullptr;
    handler();
  }
}

void Free(void* memory) {
  if (memory != nullptr && recording_on.load(std::memory_order_relaxed) && seen.Maybe(memory))
      [[unlikely]] {
    Forget(memory);
  }
  std::free(memory);
}

}  // namespace

Result<wire::Profile> TakeHeapProfile(Nanos duration, const Interrupt& interrupt) {
  TOCSIN_RETURN_IF_ERROR(CheckDuration(duration));
  static std::mutex one_at_a_time;
  const std::unique_lock lock(one_at_a_time, std::try_to_lock);
  if (!lock.owns_lock()) return ResourceExhaustedError("a heap profile is being taken already");
  PrepareUnwinding();
  const auto mine = std::make_shared<Recording>();
  seen.Clear();
  recording.store(mine);
  generation.fetch_add(1);
  const Nanos began = Clock::Real().Now();
  recording_on = true;
  Status status = Wait(duration, interrupt);
  recording_on = false;
  recording.store(nullptr);
  TOCSIN_RETURN_IF_ERROR(std::move(status));
  wire::Profile profile = mine->Sum();
  Describe(&profile);
  profile.began = began;
  profile.duration = Clock::Real().Now() - began;
  return profile;
}

}  // namespace tocsin::profile

void* operator new(size_t size) {
  void* memory = tocsin::profile::Allocate(size, 0);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(size_t size, std::align_val_t alignment) {
  void* memory = tocsin::profile::Allocate(size, static_cast<size_t>(alignment));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new[](size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
void operator delete(void* memory) noexcept { tocsin::profile::Free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { tocsin::profile::Free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  tocsin::profile::Free(memory);
}
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  tocsin::profile::Free(memory);
}
void operator delete[](void* memory) noexcept { tocsin::profile::Free(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { tocsin::profile::Free(memory); }
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
  tocsin::profile::Free(memory);
}
void operator delete[](void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  tocsin::profile::Free(memory);
}
