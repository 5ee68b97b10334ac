/// Where this process spends its time and its memory, found by looking now and then: profiles of
/// itself, taken while it serves.
///
/// One of each kind at a time. While none is taken the CPU profile costs nothing and the profile of
/// memory one relaxed load for each allocation.

#pragma once

#include <functional>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/wire/pprof.h"

namespace tocsin::profile {

/// Looked at now and then; an error ends the profile early, which then fails with it.
using Interrupt = std::function<Status()>;

/// How long a profile may take.
inline constexpr Nanos kLongest = 10 * kMinute;

/// Stacks of all threads by the CPU time that they use within `duration`, a hundred looks for each
/// second of it: {samples, count} and {cpu, nanoseconds}. Blocks for so long.
/// kResourceExhausted: another one is being taken. kInvalidArgument: not above 0, or above
/// kLongest. kUnavailable: the system refuses timers.
Result<wire::Profile> TakeCpuProfile(Nanos duration, const Interrupt& interrupt);

/// What C++ code allocates within `duration` and how much of it is there still at its end, about
/// one look for each 512 KiB, scaled to the whole: {alloc_objects, count}, {alloc_space, bytes},
/// {inuse_objects, count} and {inuse_space, bytes}. Memory of C libraries and what was there before
/// is not seen. Blocks; fails as TakeCpuProfile does.
Result<wire::Profile> TakeHeapProfile(Nanos duration, const Interrupt& interrupt);

}  // namespace tocsin::profile
