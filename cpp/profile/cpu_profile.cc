#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <execinfo.h>
#include <sys/time.h>
#include <ucontext.h>

#include "cpp/profile/profiler.h"
#include "cpp/profile/stack.h"

namespace tocsin::profile {
namespace {

constexpr int64_t kHertz = 100;
constexpr size_t kWordsMax = size_t{4} << 20;

// What the signal handler fills in: stacks one behind the other, each its length and its addresses.
// It lives for ever, for a signal may still be on its way when the profile is over; memory that no
// profile has touched is not there. What does not fit any more is left out.
struct Samples {
  const std::unique_ptr<uint64_t[]> words{new uint64_t[kWordsMax]};
  std::atomic<size_t> used = 0;
};

std::atomic<Samples*> current = nullptr;

uint64_t InterruptedAt(const void* context) {
  const auto* user = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
  return static_cast<uint64_t>(user->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return user->uc_mcontext.pc;
#else
#error "where does this processor keep the address of its next instruction?"
#endif
}

// Only what is safe in a signal handler: no allocation, no lock.
void OnTick(int /*signal*/, siginfo_t* /*info*/, void* context) {
  Samples* samples = current.load(std::memory_order_acquire);
  if (samples == nullptr) return;
  const int saved_errno = errno;
  Stack stack;
  stack.size = static_cast<size_t>(backtrace(stack.frames.data(), kDeepest));
  const uint64_t at = InterruptedAt(context);
  // The handler and the frame of the signal stand before what was interrupted, which is not found
  // if its stack cannot be walked.
  size_t first = 0;
  while (first < stack.size && AddressOf(stack.frames[first]) != at) ++first;
  const size_t depth = std::max<size_t>(stack.size - first, 1);
  const size_t begin = samples->used.fetch_add(depth + 1, std::memory_order_relaxed);
  if (begin + depth + 1 <= kWordsMax) {
    uint64_t* out = samples->words.get() + begin;
    out[0] = depth;
    out[1] = at;
    for (size_t i = 1; i < depth; ++i) out[i + 1] = AddressOf(stack.frames[first + i]);
  }
  errno = saved_errno;
}

Status SetTimer(int64_t hertz) {
  itimerval timer{};
  if (hertz > 0) timer.it_interval.tv_usec = timer.it_value.tv_usec = 1'000'000 / hertz;
  if (setitimer(ITIMER_PROF, &timer, nullptr) == 0) return {};
  return UnavailableError("the system refuses a timer for profiles");
}

Status CatchTicks() {
  struct sigaction action{};
  action.sa_sigaction = &OnTick;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  // It stays: without it a late tick would end the process.
  if (sigaction(SIGPROF, &action, nullptr) == 0) return {};
  return UnavailableError("the system refuses a handler for profiles");
}

wire::Profile Sum(const Samples& samples) {
  std::map<std::vector<uint64_t>, int64_t> counts;
  const uint64_t* words = samples.words.get();
  const size_t used = samples.used.load();
  for (size_t i = 0; i < used && i + 1 + words[i] <= std::min(used, kWordsMax);) {
    const size_t depth = words[i];
    ++counts[std::vector<uint64_t>(words + i + 1, words + i + 1 + depth)];
    i += depth + 1;
  }
  wire::Profile profile;
  profile.value_types = {{"samples", "count"}, {"cpu", "nanoseconds"}};
  profile.period_type = {"cpu", "nanoseconds"};
  profile.period = kSecond / kHertz;
  for (const auto& [stack, count] : counts) {
    profile.samples.push_back({stack, {count, count * profile.period}});
  }
  Describe(&profile);
  return profile;
}

}  // namespace

Result<wire::Profile> TakeCpuProfile(Nanos duration, const Interrupt& interrupt) {
  TOCSIN_RETURN_IF_ERROR(CheckDuration(duration));
  static std::mutex one_at_a_time;
  const std::unique_lock lock(one_at_a_time, std::try_to_lock);
  if (!lock.owns_lock()) return ResourceExhaustedError("a CPU profile is being taken already");
  static Samples& samples = *std::make_unique<Samples>().release();
  samples.used = 0;
  PrepareUnwinding();
  TOCSIN_RETURN_IF_ERROR(CatchTicks());
  current.store(&samples, std::memory_order_release);
  const Nanos began = Clock::Real().Now();
  Status status = SetTimer(kHertz);
  if (status.ok()) status = Wait(duration, interrupt);
  static_cast<void>(SetTimer(0));
  current.store(nullptr, std::memory_order_release);
  TOCSIN_RETURN_IF_ERROR(std::move(status));
  wire::Profile profile = Sum(samples);
  profile.began = began;
  profile.duration = Clock::Real().Now() - began;
  return profile;
}

}  // namespace tocsin::profile
